#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <physgen/core/config.h>
#include <physgen/core/error.h>
#include <physgen/train/run_config.h>

namespace physgen {

/// Pictures in a checkpoint's folder: a VAE's and a policy's.
inline constexpr const char* kReconstructionsName = "reconstructions.png";
inline constexpr const char* kImaginedName = "imagined.png";

/// The folder of a training run: job.json, metrics.jsonl and the same for TensorBoard, best/, step-N/ and, unless
/// elsewhere, cache/.
class RunFolder {
 public:
  /// Touches nothing.
  explicit RunFolder(std::filesystem::path path) : path_(std::move(path)) {}

  bool holds_run() const;
  /// What a run was started with. Throws FormatError where that is damaged.
  template <class Job>
  Job recorded_job() const {
    return blaming_the_file([&] { return ConfigDocument::load(job_file().string()).read<Job>(); });
  }
  /// Throws ConfigError where the folder holds a run that the job does not continue, or one of another job, or a
  /// checkpoint. `identity_of(job)` is the text of what may not differ.
  template <class Job>
  void refuse_other_run(const Job& job) const {
    refuse_checkpoint();
    if (!holds_run()) return;
    refuse_fresh_run(job.resume);
    refuse_difference(identity_of(recorded_job<Job>()), identity_of(job));
  }
  template <class Job>
  void record(const Job& job) const {
    record_text(write_config(job));
  }

  std::filesystem::path job_file() const { return path_ / "job.json"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path cache() const { return path_ / "cache"; }
  std::filesystem::path best() const { return path_ / "best"; }
  std::filesystem::path checkpoint(int64_t step) const;
  /// The steps that there are checkpoints of, ascending.
  std::vector<int64_t> steps() const;

  /// Mends and removes what a process that died left half done. Only for who holds the folder's RunLock.
  void recover() const;
  /// Loads the newest checkpoint that is whole and returns its step; what is damaged is reported and passed over.
  /// Nothing where there are no checkpoints. Throws FormatError where there are, and none is whole.
  /// @param load  throws FormatError for a checkpoint that is damaged
  std::optional<int64_t> load_newest(const std::function<void(const std::filesystem::path&)>& load,
                                     const std::function<void(const std::string&)>& note) const;
  /// Removes all but the last `count` checkpoints, once the newest of them is verified.
  void keep_last(int64_t count) const;

 private:
  void refuse_checkpoint() const;
  void refuse_fresh_run(bool resume) const;
  void refuse_difference(const std::string& then, const std::string& now) const;
  void record_text(const std::string& job) const;

  std::filesystem::path path_;
};

/// Sets to their defaults what may differ between a run and its continuation: none of it changes a step that was done.
void clear_free_fields(RunConfig& config);

}  // namespace physgen
