#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "physgen/rollout/episode_record.h"

namespace physgen {

class FileDescriptor;

/// The results of an evaluation on the disk: one JSON object a line. One writer; not for several threads.
class EpisodeJournal {
 public:
  /// Opens or creates the file. A last line that was cut short is dropped, and so are episodes without a result: they
  /// are to be tried again.
  /// @param seeds  the seed of each episode
  /// Throws FormatError naming the line that is no record, or of an episode twice, or of another seed.
  EpisodeJournal(const std::filesystem::path& path, const std::vector<int64_t>& seeds);
  ~EpisodeJournal();

  const std::vector<EpisodeRecord>& records() const { return records_; }

  /// On return the record has reached the disk. Throws Error when it cannot.
  void append(const EpisodeRecord& record);

 private:
  std::vector<EpisodeRecord> records_;
  std::unique_ptr<FileDescriptor> file_;
};

}  // namespace physgen
