#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/formats/episode.h>

namespace physgen {

/// What was read, and everything that was wrong with it.
struct DemonstrationCheck {
  int64_t files = 0;
  int64_t episodes = 0;
  int64_t frames = 0;
  std::vector<LeftOut> left_out = {};  ///< what looks like demonstrations and was not read
  std::vector<Problem> problems = {};
};

/// A problem, and how many there are like it.
struct CountedProblem {
  Problem problem;
  int64_t times = 0;
};

/// The first of each kind, in the order in which they came. Problems are alike where they say the same but for where it
/// is and for the numbers in it: the frames of one video that is missing do.
std::vector<CountedProblem> alike_together(const std::vector<Problem>& problems);

/// Called while a file is read, by one thread at a time: the file, how many of its frames were read, and how many it
/// has.
using CheckProgress = std::function<void(const std::string& file, int64_t frames, int64_t total)>;

/// Reads every action, state and frame of every camera of all files among `paths`, on all cores, going on after a
/// problem, and then sees whether all files fit together as one DemonstrationDataset. Throws ConfigError
/// for a path that does not exist, or below which there are no demonstrations.
DemonstrationCheck check_demonstrations(const std::vector<std::string>& paths, const std::string& instruction,
                                        const CheckProgress& progress = {});

}  // namespace physgen
