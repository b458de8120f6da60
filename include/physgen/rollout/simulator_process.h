#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/core/matrix.h>
#include <physgen/rollout/environment.h>
#include <physgen/rollout/simulator_description.h>

namespace physgen {

/// Which simulator to run, and how.
struct SimulatorConfig {
  std::string simulator = "maniskill";
  std::string task = {};                                 ///< "PushCube-v1", or a suite: "libero_spatial"
  std::vector<std::string> cameras = {"render_camera"};  ///< in the order of Perception::views
  int64_t size = 128;                                    ///< height and width of a picture, pixels
  std::string control_mode = "pd_joint_pos";
  int64_t max_steps = 0;                ///< control steps of an episode at most; 0: the task's usual limit
  bool state = false;                   ///< fill Perception::state
  bool record = false;                  ///< fill Perception::frames; renders every control step
  double deadline_seconds = 120;        ///< for a reset or a step; the worker is killed after it
  double start_deadline_seconds = 300;  ///< for starting the simulator and making the task
  /// An executable that runs the simulator and speaks the protocol of .github/docs/simulators.md; empty: the worker of
  /// maniskill or libero.
  std::string worker = {};
  /// The interpreter of those two; empty: $PHYSGEN_PYTHON, or $PHYSGEN_LIBERO_PYTHON for LIBERO, else .venv/bin/python
  /// or .venv-libero/bin/python of the source tree or installation.
  std::string python = {};
};

/// Splits "maniskill:PushCube-v1" into simulator and task. Throws ConfigError for another form.
std::pair<std::string, std::string> parse_environment_name(const std::string& name);

/// The simulator died, hung, or answered nonsense: no fault of the policy's, and the same episode may be tried again
/// with a new process. The text ends with what the simulator printed last.
class SimulatorFailure : public Error {
 public:
  using Error::Error;
};

/// A simulator in a process of its own. The process dies with this object, and with the thread that made it.
/// Every request has a deadline; after a SimulatorFailure the process is gone and every further call fails.
class SimulatorProcess : public Environment {
 public:
  /// Starts the process and makes the task.
  /// Throws ConfigError for an unknown simulator, task, camera or control mode and a worker that cannot be run, Error
  /// when there is no Python, the simulator is not installed or its worker speaks another protocol, SimulatorFailure
  /// for everything that may be different next time.
  explicit SimulatorProcess(const SimulatorConfig& config);
  ~SimulatorProcess() override;
  /// What there is under `config.task`, asked of a process of its own that starts no simulator: under a second.
  static SimulatorDescription describe(const SimulatorConfig& config);

  /// @param start  its seed is 0 to 2^32 - 1
  Perception reset(const EpisodeStart& start) override;
  /// Throws Error when `actions` has no row, another width than `action_width()`, or a non-finite number.
  Perception step(const Matrix& actions) override;

  double control_rate() const override { return description().control_rate; }
  const SimulatorDescription& description() const;
  int64_t action_width() const;
  const std::vector<float>& action_low() const;   ///< least value of each action
  const std::vector<float>& action_high() const;  ///< greatest value of each action
  int64_t process_id() const;

  /// Asks the process to leave, and ends it if it does not within two seconds.
  void close();

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace physgen
