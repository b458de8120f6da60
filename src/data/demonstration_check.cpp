#include <physgen/data/demonstration_check.h>
#include <physgen/data/demonstration_dataset.h>

#include <cctype>
#include <map>
#include <optional>
#include <string>

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

void check_frames(const DemonstrationFile& file, int64_t episode, const std::string& camera,
                  DemonstrationCheck& check) {
  for (int64_t frame = 0; frame <= file.info(episode).control_steps; ++frame) {
    attempt(check, [&] {
      file.read_frame(episode, camera, frame);
      ++check.frames;
    });
  }
}

void check_episode(const DemonstrationFile& file, int64_t episode, DemonstrationCheck& check) {
  attempt(check, [&] {
    const EpisodeShape shape = file.inspect(episode);
    attempt(check, [&] { file.read(episode); });
    for (const auto& [camera, size] : shape.cameras) check_frames(file, episode, camera, check);
    ++check.episodes;
  });
}

void check_file(const std::string& path, const std::string& instruction, const CheckProgress& progress,
                DemonstrationCheck& check) {
  const auto opened = open_demonstration_file(path, instruction);
  const DemonstrationFile& file = *opened;
  for (int64_t episode = 0; episode < file.size(); ++episode) {
    if (progress) progress(path, episode, file.size());
    check_episode(file, episode, check);
  }
  ++check.files;
}

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
  const std::vector<std::string> files = find_demonstrations(paths);
  for (const std::string& path : files) {
    attempt(check, [&] { check_file(path, instruction, progress, check); });
  }
  if (check.problems.empty()) {
    attempt(check, [&] { DemonstrationDataset(files, instruction); });
  }
  return check;
}

}  // namespace physgen
