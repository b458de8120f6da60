#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "physgen/rollout/evaluation.h"

namespace physgen {

class FileDescriptor;

/// The finished episodes of a journal; of none where there is no such file. A last line that was cut short is left out,
/// and so are episodes without a result. Throws FormatError as EpisodeJournal does.
std::vector<EpisodeRecord> read_episodes(const std::filesystem::path& path, const std::vector<PlannedEpisode>& plan);

/// Writes a journal of these records.
void write_episodes(const std::filesystem::path& path, const std::vector<EpisodeRecord>& records);

/// The results of an evaluation on the disk: one JSON object a line. One writer; not for several threads.
class EpisodeJournal {
 public:
  /// Opens or creates the file. A last line that was cut short is dropped, and so are episodes without a result: they
  /// are to be tried again.
  /// Throws FormatError naming the line that is no record, or of an episode twice, or of another task or seed than the
  /// plan's.
  EpisodeJournal(const std::filesystem::path& path, const std::vector<PlannedEpisode>& plan);
  ~EpisodeJournal();

  const std::vector<EpisodeRecord>& records() const { return records_; }

  /// On return the record has reached the disk. Throws Error when it cannot.
  void append(const EpisodeRecord& record);

 private:
  std::vector<EpisodeRecord> records_;
  std::unique_ptr<FileDescriptor> file_;
};

}  // namespace physgen
