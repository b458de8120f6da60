#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/media/image.h>

namespace physgen {

/// What a simulator shows after a reset or after the last of some control steps.
struct Perception {
  std::vector<Image> views;  ///< one picture a camera, in the order asked for
  std::vector<float> state;  ///< the robot's, as the demonstrations hold it
  std::string instruction;
  bool success = false;
  bool done = false;          ///< success, failure or the step limit: no further step is taken
  int64_t control_steps = 0;  ///< since the reset
  std::vector<Image> frames;  ///< the first camera after every control step, when recording was asked for
};

/// Where an episode begins.
struct EpisodeStart {
  std::string task;  ///< the simulator's name of it
  int64_t seed = 0;  ///< what the simulator is reset with; in LIBERO the number of the task's initial state
};

/// A simulator in which a policy acts.
class Environment {
 public:
  virtual ~Environment() = default;
  /// Starts an episode. Throws Error when the simulator fails.
  virtual Perception reset(const EpisodeStart& start) = 0;
  /// Executes the rows of `actions` [k, A] in turn until they or the episode end.
  virtual Perception step(const Matrix& actions) = 0;
  /// Control steps a second.
  virtual double control_rate() const = 0;
};

}  // namespace physgen
