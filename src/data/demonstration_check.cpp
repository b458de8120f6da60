#include <physgen/data/demonstration_check.h>
#include <physgen/data/demonstration_dataset.h>

#include <cctype>
#include <map>
#include <mutex>
#include <string>

#include "core/parallel.h"
#include "data/demonstration_search.h"
#include "formats/demonstration_file.h"

namespace physgen {
namespace {

/// Does one thing of many; a failure is kept and does not end the others.
template <class Action>
void attempt(DemonstrationCheck& check, Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    check.problems.push_back(error.problem());
  }
}

void add(const DemonstrationCheck& part, DemonstrationCheck& check) {
  check.files += part.files;
  check.episodes += part.episodes;
  check.frames += part.frames;
  check.left_out.insert(check.left_out.end(), part.left_out.begin(), part.left_out.end());
  check.problems.insert(check.problems.end(), part.problems.begin(), part.problems.end());
}

/// Reads one file: the numbers of all its episodes, and then their pictures on all cores.
class FileCheck {
 public:
  FileCheck(const DemonstrationFile& file, const CheckProgress& progress) : file_(file), progress_(progress) {}

  DemonstrationCheck run() {
    for (int64_t episode = 0; episode < file_.size(); ++episode) check_numbers(episode);
    parallel_for(std::ssize(parts_), [&](int64_t i) { check_frames(parts_[static_cast<size_t>(i)]); });
    DemonstrationCheck all{.files = 1, .left_out = file_.left_out()};
    for (const Part& part : parts_) add(part.found, all);
    return all;
  }

 private:
  /// The numbers of an episode, or the pictures of one of its cameras.
  struct Part {
    int64_t episode;
    std::string camera;  ///< "" for the numbers
    DemonstrationCheck found;
  };

  int64_t frames_of(int64_t episode) const { return file_.info(episode).control_steps + 1; }

  void check_numbers(int64_t episode) {
    EpisodeShape shape;
    DemonstrationCheck found;
    attempt(found, [&] {
      shape = file_.inspect(episode);
      attempt(found, [&] { file_.read(episode); });
      ++found.episodes;
    });
    parts_.push_back({episode, "", found});
    for (const auto& [camera, size] : shape.cameras) parts_.push_back({episode, camera, {}});
    frames_ += std::ssize(shape.cameras) * frames_of(episode);
  }

  void check_frames(Part& part) {
    if (part.camera.empty()) return;
    attempt(part.found, [&] {
      const auto frames = file_.open_frames(part.episode, part.camera);
      for (int64_t frame = 0; frame < frames_of(part.episode); ++frame) {
        attempt(part.found, [&] {
          frames->read(frame);
          ++part.found.frames;
        });
        report_one();
      }
    });
  }

  void report_one() {
    const std::lock_guard lock(mutex_);
    ++done_;
    if (done_ % kFramesAReport != 0 && done_ != frames_) return;
    if (progress_) progress_(file_.path(), done_, frames_);
  }

  static constexpr int64_t kFramesAReport = 50;

  const DemonstrationFile& file_;
  const CheckProgress& progress_;
  std::vector<Part> parts_;
  int64_t frames_ = 0;
  std::mutex mutex_;
  int64_t done_ = 0;
};

/// What a problem says, without its numbers.
std::string kind_of(const Problem& problem) {
  std::string kind;
  for (const std::string& part : {problem.what, problem.got, problem.expected, problem.next_step}) {
    for (const char c : part) {
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) kind += c;
    }
    kind += '\n';
  }
  return kind;
}

}  // namespace

std::vector<CountedProblem> alike_together(const std::vector<Problem>& problems) {
  std::vector<CountedProblem> counted;
  std::map<std::string, size_t> places;
  for (const Problem& problem : problems) {
    const auto [place, is_new] = places.emplace(kind_of(problem), counted.size());
    if (is_new) counted.push_back({problem, 0});
    ++counted[place->second].times;
  }
  return counted;
}

DemonstrationCheck check_demonstrations(const std::vector<std::string>& paths, const std::string& instruction,
                                        const CheckProgress& progress) {
  DemonstrationCheck check;
  FoundDemonstrations found = find_demonstrations(paths);
  check.left_out = std::move(found.left_out);
  for (const std::string& path : found.files) {
    attempt(check, [&] {
      const auto file = open_demonstration_file(path, instruction);
      add(FileCheck(*file, progress).run(), check);
    });
  }
  if (check.problems.empty()) {
    attempt(check, [&] { DemonstrationDataset(found.files, instruction); });
  }
  return check;
}

}  // namespace physgen
