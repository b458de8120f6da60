#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/core/matrix.h>
#include <physgen/rollout/environment.h>

namespace physgen {

/// Which simulator to run, and how.
struct SimulatorConfig {
  std::string simulator = "maniskill";
  std::string task;                                      ///< "PushCube-v1"
  std::vector<std::string> cameras = {"render_camera"};  ///< in the order of Perception::views
  int64_t size = 128;                                    ///< height and width of a picture, pixels
  std::string control_mode = "pd_joint_pos";
  int64_t max_steps = 200;              ///< control steps of an episode at most
  bool state = false;                   ///< fill Perception::state
  bool record = false;                  ///< fill Perception::frames; renders every control step
  double deadline_seconds = 120;        ///< for a reset or a step; the worker is killed after it
  double start_deadline_seconds = 300;  ///< for starting the simulator and making the task
  std::string python;  ///< the interpreter; empty: $PHYSGEN_PYTHON, else .venv/bin/python beside the script's folder
  std::string script;  ///< simulator_worker.py; empty: found beside the program's own folders
};

/// Splits "maniskill:PushCube-v1" into simulator and task. Throws ConfigError for another form or simulator.
std::pair<std::string, std::string> parse_environment_name(const std::string& name);

/// The simulator died, hung, or answered nonsense: no fault of the policy's, and the same episode may be tried again
/// with a new process. The text ends with what the simulator printed last.
class SimulatorFailure : public Error {
 public:
  using Error::Error;
};

/// A simulator in a Python process of its own. The process dies with this object, and with the thread that made it.
/// Every request has a deadline; after a SimulatorFailure the process is gone and every further call fails.
class SimulatorProcess : public Environment {
 public:
  /// Starts the process and makes the task.
  /// Throws ConfigError for an unknown simulator, task, camera or control mode, Error when there is no Python or the
  /// simulator is not installed, SimulatorFailure for everything that may be different next time.
  explicit SimulatorProcess(const SimulatorConfig& config);
  ~SimulatorProcess() override;

  /// @param seed  0 to 2^32 - 1
  Perception reset(int64_t seed) override;
  /// Throws Error when `actions` has no row, another width than `action_width()`, or a non-finite number.
  Perception step(const Matrix& actions) override;

  int64_t action_width() const;
  const std::vector<float>& action_low() const;   ///< least value of each action
  const std::vector<float>& action_high() const;  ///< greatest value of each action
  const std::string& instruction() const;
  int64_t process_id() const;

  /// Asks the process to leave, and ends it if it does not within two seconds.
  void close();

 private:
  struct Session;
  std::unique_ptr<Session> session_;
};

}  // namespace physgen
