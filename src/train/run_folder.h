#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/trainer.h>

namespace physgen {

/// The folder of a training run: job.json, metrics.jsonl, best/, step-N/ and, unless elsewhere, cache/.
class RunFolder {
 public:
  /// Touches nothing.
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  bool holds_run() const;
  /// What a run was started with. Throws FormatError where that is damaged.
  FinetuneJob recorded_job() const;
  /// Throws ConfigError where the folder holds a run that the job does not continue, or one of another job.
  void refuse_other_run(const FinetuneJob& job) const;
  void record(const FinetuneJob& job) const;

  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path cache() const { return path_ / "cache"; }
  std::filesystem::path best() const { return path_ / "best"; }
  std::filesystem::path checkpoint(int64_t step) const;
  /// The steps that there are checkpoints of, ascending.
  std::vector<int64_t> steps() const;

  /// Mends and removes what a process that died left half done. Only for who holds the folder's RunLock.
  void recover() const;
  /// The newest policy that is whole; what is damaged is reported and passed over. Nothing where there are no
  /// checkpoints. Throws FormatError where there are, and none is whole.
  struct Found {
    int64_t step = 0;
    LoadedPolicy policy;
  };
  std::optional<Found> newest(const std::function<void(const std::string&)>& note) const;
  /// Removes all but the last `count` checkpoints, once the newest of them is verified.
  void keep_last(int64_t count) const;

 private:
  std::filesystem::path job_file() const { return path_ / "job.json"; }

  std::filesystem::path path_;
};

}  // namespace physgen
