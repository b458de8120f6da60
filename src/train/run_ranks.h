#pragma once

#include <memory>
#include <string>

#include <physgen/train/run_config.h>
#include <physgen/train/training_callbacks.h>

#include "distributed/ranks.h"
#include "files/atomic_file.h"
#include "train/run_folder.h"

namespace physgen {

/// Throws ConfigError for a batch that does not divide among so many processes and their micro-batches.
void check_shares(const RunConfig& config, int64_t ranks);

/// The processes of a run: this one, and the others that torchrun or Slurm began with it.
class RunRanks {
 public:
  /// Meets the others, where there are any. Throws ConfigError for a batch that does not divide among them, and as
  /// `rank_place` and Ranks do.
  /// @param device  as flags name it; "auto" and "cuda" become the GPU of this rank's own number on its machine
  RunRanks(const RunConfig& config, const std::string& device);

  /// Null where this process is alone.
  Ranks* get() const { return ranks_.get(); }
  const std::string& device() const { return device_; }
  /// Whether this process writes the run's folder and speaks: the only one, or the first.
  bool writes() const { return place_.rank == 0; }
  /// Whether torchrun or Slurm began the run anew, so that it goes on from its last checkpoint.
  bool restarted() const { return place_.restarts > 0; }
  /// Those of the process that speaks, else none.
  TrainingCallbacks callbacks(const TrainingCallbacks& all) const { return writes() ? all : TrainingCallbacks(); }
  /// As those of Ranks; nothing to do alone.
  void meet() const;
  void require_same(const std::string& text, const std::string& what) const;

 private:
  RankPlace place_;
  std::string device_;
  std::unique_ptr<Ranks> ranks_;
};

/// Once the input is good and before the folder is written to: the process that writes locks it and mends what another
/// left half done, and all wait for that. Throws as RunLock and `refuse_other_run` do.
template <class Job>
std::unique_ptr<RunLock> claim_folder(const RunFolder& folder, const Job& job, const RunRanks& ranks,
                                      const TrainingCallbacks& callbacks) {
  std::unique_ptr<RunLock> lock;
  if (ranks.writes()) lock = std::make_unique<RunLock>(job.out);
  if (lock && callbacks.note && !lock->weakness().empty()) callbacks.note(lock->weakness());
  folder.refuse_other_run(job);
  if (ranks.writes()) folder.recover();
  ranks.meet();
  return lock;
}

}  // namespace physgen
