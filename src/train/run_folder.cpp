#include "train/run_folder.h"

#include <algorithm>
#include <regex>

#include <unistd.h>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>

#include "core/first_difference.h"
#include "core/whole_number.h"
#include "files/atomic_file.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

const std::string kStepPrefix = "step-";
constexpr size_t kStepDigits = 8;

bool is_temporary(const fs::path& path) {
  static const std::regex pattern(R"(.+\.(partial|old)-[0-9]+)");
  return std::regex_match(path.filename().string(), pattern);
}

fs::path final_path_of(const fs::path& temporary) {
  static const std::regex ending(R"(\.(partial|old)-[0-9]+$)");
  return temporary.parent_path() / std::regex_replace(temporary.filename().string(), ending, "");
}

// Under a temporary name first: what is removed by half is never taken for a checkpoint.
void remove_checkpoint(const fs::path& path) {
  const fs::path temporary = path.string() + ".partial-" + std::to_string(::getpid());
  fs::rename(path, temporary);
  fs::remove_all(temporary);
}

}  // namespace

bool RunFolder::holds_run() const { return fs::exists(job_file()); }

void RunFolder::refuse_checkpoint() const {
  if (holds_run() || !fs::exists(path_ / kManifestName)) return;
  throw ConfigError({.what = "the output folder is a checkpoint",
                     .where = path_.string(),
                     .got = std::string(kManifestName) + " of a checkpoint",
                     .expected = "a new or empty folder",
                     .next_step = "pass another --out"});
}

void RunFolder::refuse_fresh_run(bool resume) const {
  if (resume) return;
  throw ConfigError({.what = "the output folder holds a run already",
                     .where = path_.string(),
                     .got = "job.json of an earlier run",
                     .expected = "a new or empty folder",
                     .next_step = "pass --resume to go on with that run, or another --out"});
}

void RunFolder::refuse_difference(const std::string& then, const std::string& now) const {
  if (then == now) return;
  const auto [before, after] = first_difference(then, now);
  throw ConfigError({.what = "a run cannot go on with another config",
                     .where = job_file().string(),
                     .got = after,
                     .expected = before,
                     .next_step = "leave out --config and --set to keep the run's own, or start another run"});
}

void RunFolder::record_text(const std::string& job) const { write_file_atomically(job_file(), job); }

fs::path RunFolder::checkpoint(int64_t step) const {
  const std::string digits = std::to_string(step);
  const size_t zeros = kStepDigits - std::min(kStepDigits, digits.size());
  return path_ / (kStepPrefix + std::string(zeros, '0') + digits);
}

std::vector<int64_t> RunFolder::steps() const {
  std::vector<int64_t> steps;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kStepPrefix)) continue;
    if (const auto step = whole_number(name.substr(kStepPrefix.size()))) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void RunFolder::recover() const {
  std::vector<fs::path> leftovers;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
    if (is_temporary(entry.path())) leftovers.push_back(entry.path());
  }
  for (const fs::path& leftover : leftovers) {
    if (fs::is_directory(leftover)) {
      recover_directory(final_path_of(leftover));
    } else {
      fs::remove(leftover);
    }
  }
}

std::optional<int64_t> RunFolder::load_newest(const std::function<void(const fs::path&)>& load,
                                              const std::function<void(const std::string&)>& note) const {
  const std::vector<int64_t> there = steps();
  for (auto step = there.rbegin(); step != there.rend(); ++step) {
    try {
      load(checkpoint(*step));
      return *step;
    } catch (const FormatError& error) {
      if (note) note("a checkpoint is passed over, an earlier one is used instead: " + std::string(error.what()));
    }
  }
  if (there.empty()) return {};
  throw FormatError({.what = "every checkpoint of the run is damaged",
                     .where = path_.string(),
                     .got = std::to_string(there.size()) + " damaged checkpoints",
                     .expected = "one that is whole",
                     .next_step = "start another run with another --out"});
}

void RunFolder::keep_last(int64_t count) const {
  const std::vector<int64_t> there = steps();
  if (static_cast<int64_t>(there.size()) <= count) return;
  verify_manifest(checkpoint(there.back()));
  for (size_t i = 0; i < there.size() - static_cast<size_t>(count); ++i) remove_checkpoint(checkpoint(there[i]));
}

void clear_free_fields(RunConfig& config) {
  const RunConfig defaults;
  config.steps = defaults.steps;
  config.evaluate_every = defaults.evaluate_every;
  config.save_every = defaults.save_every;
  config.keep_last = defaults.keep_last;
  config.max_minutes = defaults.max_minutes;
  config.non_finite = defaults.non_finite;
  config.threads = defaults.threads;
  config.rank_timeout_minutes = defaults.rank_timeout_minutes;
}

}  // namespace physgen
