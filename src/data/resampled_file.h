#pragma once

#include <memory>
#include <vector>

#include "formats/demonstration_file.h"

namespace physgen {

/// A robot's demonstrations at another rate. Step j of an episode is at j / rate seconds: its frame, its state and, of
/// absolute actions, its action are those recorded nearest to then. Actions that say how far each joint moves are added
/// up over the steps that one takes the place of, which needs a whole number of them; the last column, the gripper's,
/// is that of the last.
class ResampledFile : public DemonstrationFile {
 public:
  /// @param rate  control steps a second
  /// Throws ConfigError for a file that does not tell its own rate, a simulator's, whose actions mean what they mean at
  /// its controller's rate alone, an episode shorter than one step, and actions that cannot be put together.
  ResampledFile(std::unique_ptr<DemonstrationFile> source, double rate);

  EpisodeShape inspect(int64_t episode) const override { return source_->inspect(episode); }
  Episode read(int64_t episode) const override;
  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const override;

 private:
  void check_source() const;
  EpisodeInfo resampled(const EpisodeInfo& info) const;
  int64_t row_of(int64_t step, int64_t last) const;

  std::unique_ptr<DemonstrationFile> source_;
  double steps_;  // of the source to one of ours
};

}  // namespace physgen
