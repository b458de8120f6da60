// What becomes of a worker that is missing, foreign, or of another time.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "physgen/rollout/simulator_process.h"
#include "rollout/worker_program.h"
#include "support/fake_simulator.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Sets a variable of the environment, or unsets it, until the end of its life.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    value ? setenv(name, value, 1) : unsetenv(name);
  }
  ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class Worker : public testing::Test {
 protected:
  /// A worker with these contents.
  SimulatorConfig worker(const std::string& contents, bool executable = true) {
    const fs::path path = folder_ / "worker";
    write_bytes(path, contents);
    fs::permissions(path, executable ? fs::perms::owner_all : fs::perms::owner_read);
    SimulatorConfig config = fake_simulator();
    config.worker = path;
    return config;
  }

  TemporaryFolder folder_;
};

template <class Kind>
Problem problem_with(const SimulatorConfig& config) {
  return problem_of<Kind>([&] { SimulatorProcess::describe(config); });
}

TEST_F(Worker, ThatIsNoExecutableFileIsRefused) {
  SimulatorConfig config = worker("#!/bin/sh\n", false);
  const Problem refused = problem_with<ConfigError>(config);
  EXPECT_EQ(refused.where, "--worker " + config.worker);
  EXPECT_EQ(refused.got, "a file that is not executable");
  EXPECT_EQ(refused.next_step, "chmod +x " + config.worker);
  EXPECT_EQ(ConfigError(refused).exit_code(), 2);
  config.worker = folder_.path();
  EXPECT_EQ(problem_with<ConfigError>(config).got, "a folder");
  config.worker = folder_ / "nowhere";
  EXPECT_EQ(problem_with<ConfigError>(config).got, "no such file");
}

TEST_F(Worker, ThatTheSystemCannotExecuteIsRefused) {
  const Problem no_program = problem_with<ConfigError>(worker("print('hello')\n"));
  EXPECT_TRUE(contains(no_program.where, "/worker")) << no_program.where;
  EXPECT_EQ(no_program.got, "Exec format error");
  EXPECT_TRUE(contains(no_program.next_step, "#!/usr/bin/env python3")) << no_program.next_step;
  const Problem no_interpreter = problem_with<ConfigError>(worker("#!/no/such/python\n"));
  EXPECT_EQ(no_interpreter.got, "No such file or directory");
}

TEST_F(Worker, ThatEndsAtOnceIsQuoted) {
  const Problem problem = problem_with<SimulatorFailure>(worker("#!/bin/sh\necho no license for $1 $2\nexit 5\n"));
  EXPECT_TRUE(contains(problem.what, "exit code 5")) << problem.what;
  EXPECT_EQ(problem.where, "fake:Reach-v1, start");
  EXPECT_TRUE(contains(problem.next_step, "no license for --simulator fake")) << problem.next_step;
}

TEST_F(Worker, ThatDoesNotAnswerIsKilledAtItsDeadline) {
  SimulatorConfig config = worker("#!/bin/sh\necho waiting\nexec sleep 3600\n");
  config.start_deadline_seconds = 0.3;
  const Problem problem = problem_with<SimulatorFailure>(config);
  EXPECT_TRUE(contains(problem.what, "did not answer before its deadline")) << problem.what;
  EXPECT_TRUE(contains(problem.next_step, "waiting")) << problem.next_step;
}

TEST_F(Worker, ThatPrintsIntoItsConnectionIsToldWhereToPrint) {
  const Problem problem = problem_with<SimulatorFailure>(worker("#!/bin/sh\necho 'Loading ...' >&3\nsleep 3600\n"));
  EXPECT_TRUE(contains(problem.what, "printed into its connection")) << problem.what;
  EXPECT_EQ(problem.got, "\"Loading ...\"");
  EXPECT_TRUE(contains(problem.expected, "stdout or stderr")) << problem.expected;
}

TEST_F(Worker, OfAnotherProtocolIsRefusedWithBothVersions) {
  const auto problem_at = [](const char* version) {
    const FakeFaults faults{{"FAKE_FAULT", version}, {"FAKE_FAULT_AT", "hello"}};
    return problem_with<Error>(fake_simulator());
  };
  const Problem old = problem_at("old_protocol");
  EXPECT_EQ(old.got, "protocol 2");
  EXPECT_EQ(old.expected, "protocol 3");
  EXPECT_TRUE(contains(old.next_step, "physgen_worker.py")) << old.next_step;
  EXPECT_EQ(Error(old).exit_code(), 1);
  const Problem later = problem_at("new_protocol");
  EXPECT_EQ(later.got, "protocol 4");
  EXPECT_TRUE(contains(later.next_step, "use the physgen")) << later.next_step;
}

TEST_F(Worker, OfAnotherSimulatorIsRefused) {
  SimulatorConfig config = fake_simulator();
  config.simulator = "fkae";
  const Problem problem = problem_with<ConfigError>(config);
  EXPECT_TRUE(contains(problem.got, "no simulator named fkae: there is fake")) << problem.got;
}

TEST_F(Worker, WithAnImpossibleDescriptionIsAFailure) {
  const auto problem_after = [](const char* fault, const char* request) {
    const FakeFaults faults{{"FAKE_FAULT", fault}, {"FAKE_FAULT_AT", request}};
    return problem_of<SimulatorFailure>([] { SimulatorProcess simulator(fake_simulator()); });
  };
  EXPECT_TRUE(contains(problem_after("no_tasks", "describe").where, "tasks"));
  EXPECT_TRUE(contains(problem_after("no_rate", "describe").where, "control_rate"));
  EXPECT_TRUE(contains(problem_after("crossed_limits", "make").where, "action_low"));
}

TEST_F(Worker, WithoutWhatThePolicyNeedsIsRefused) {
  const auto refusal_of = [](const SimulatorConfig& config) {
    return problem_of<ConfigError>([&] { SimulatorProcess simulator(config); });
  };
  SimulatorConfig config = fake_simulator();
  config.cameras = {"front", "sied"};
  const Problem camera = refusal_of(config);
  EXPECT_EQ(camera.expected, "one of front, side, any that matches view_[0-9]+");
  EXPECT_EQ(camera.next_step, "did you mean \"side\"?");
  config = fake_simulator();
  config.control_mode = "force";
  EXPECT_EQ(refusal_of(config).expected, "one of delta");
  const FakeFaults blind{{"FAKE_STATE_WIDTH", "0"}};
  EXPECT_EQ(refusal_of(fake_simulator()).got, "state_width 0");
}

TEST_F(Worker, OfAKnownSimulatorNeedsItsPython) {
  SimulatorConfig config = fake_simulator();
  config.simulator = "maniskill";
  config.worker = "";
  config.python = "/no/such/python";
  const Problem named = problem_with<ConfigError>(config);
  EXPECT_EQ(named.where, "--python");
  EXPECT_EQ(named.got, "/no/such/python");

  const Variable unset("PHYSGEN_PYTHON", nullptr);
  write_bytes(folder_ / "maniskill_worker.py", "");
  config.python = "";
  const Problem absent = problem_of<Error>([&] { worker_command(config, 3, folder_.path()); });
  EXPECT_TRUE(contains(absent.where, ".venv/bin/python")) << absent.where;
  EXPECT_TRUE(contains(absent.next_step, "scripts/setup")) << absent.next_step;
  EXPECT_TRUE(contains(problem_of<Error>([&] { worker_command(config, 3, folder_ / "nowhere"); }).what, "not found"));

  const Variable set("PHYSGEN_PYTHON", PHYSGEN_PYTHON);
  const std::vector<std::string> expected = {
      PHYSGEN_PYTHON, folder_ / "maniskill_worker.py", "--simulator", "maniskill", "--fd", "3"};
  EXPECT_EQ(worker_command(config, 3, folder_.path()), expected);
}

TEST_F(Worker, WhoseSimulatorIsNotInstalledIsAnErrorWithTheRepair) {
  for (const char* file : {"maniskill_worker.py", "maniskill_tasks.py", "physgen_worker.py"}) {  // no maniskill_env.py
    fs::copy_file(fs::path(PHYSGEN_SOURCE_DIR) / "scripts/simulators" / file, folder_ / file);
  }
  SimulatorConfig config = worker("#!/bin/sh\nexec " PHYSGEN_PYTHON " ${0%/*}/maniskill_worker.py \"$@\"\n");
  config.simulator = "maniskill";
  config.task = "PushCube-v1";
  config.cameras = {"render_camera"};
  config.control_mode = "pd_joint_pos";
  try {
    SimulatorProcess simulator(config);
    FAIL() << "no error";
  } catch (const SimulatorFailure& error) {
    FAIL() << "to try again would not help: " << error.what();
  } catch (const Error& error) {
    EXPECT_TRUE(contains(error.problem().what, "cannot be started")) << error.what();
    EXPECT_TRUE(contains(error.problem().got, "maniskill_env")) << error.what();
    EXPECT_TRUE(contains(error.problem().next_step, "scripts/setup")) << error.what();
    EXPECT_EQ(error.exit_code(), 1);
  }
}

}  // namespace
}  // namespace physgen
