#include "physgen/rollout/simulator_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "physgen/core/stopwatch.h"
#include "support/fake_simulator.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

Matrix actions(int64_t rows) { return Matrix::Constant(rows, 2, 0.5f); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(SimulatorProcess, AnEpisodeRunsToItsStepLimit) {
  SimulatorConfig config = fake_simulator();
  config.task = "Stay-v1";
  SimulatorProcess simulator(config);
  EXPECT_EQ(simulator.action_width(), 2);
  EXPECT_EQ(simulator.action_low(), std::vector<float>({-1, -1}));
  EXPECT_EQ(simulator.action_high(), std::vector<float>({1, 1}));

  Perception seen = simulator.reset({"Stay-v1", 3});
  ASSERT_EQ(seen.views.size(), 2u);
  EXPECT_EQ(seen.views[0].height, 16);
  EXPECT_EQ(seen.views[0].pixels.size(), 16u * 16 * 3);
  EXPECT_NE(seen.views[0], seen.views[1]);
  EXPECT_EQ(seen.state, std::vector<float>({0, 0}));
  EXPECT_EQ(seen.instruction, "stay away from the goal");
  EXPECT_FALSE(seen.done);

  seen = simulator.step(actions(8));
  EXPECT_EQ(seen.control_steps, 8);
  EXPECT_FLOAT_EQ(seen.state[0], 0.4f);
  EXPECT_TRUE(seen.frames.empty());
  seen = simulator.step(actions(100));
  EXPECT_EQ(seen.control_steps, 40);
  EXPECT_TRUE(seen.done);
  EXPECT_FALSE(seen.success);
}

TEST(SimulatorProcess, AResetBeginsAnew) {
  SimulatorProcess simulator(fake_simulator());
  const Perception first = simulator.reset({"Reach-v1", 5});
  simulator.step(actions(3));
  const Perception other = simulator.reset({"Reach-v1", 6});
  const Perception again = simulator.reset({"Reach-v1", 5});
  EXPECT_EQ(again.views, first.views);
  EXPECT_EQ(again.control_steps, 0);
  EXPECT_NE(other.views, first.views);
}

TEST(SimulatorProcess, WithoutStateNoneIsSent) {
  SimulatorConfig config = fake_simulator();
  config.state = false;
  EXPECT_TRUE(SimulatorProcess(config).reset({"Reach-v1", 1}).state.empty());
}

TEST(SimulatorProcess, RecordingGivesAFrameAControlStep) {
  SimulatorConfig config = fake_simulator();
  config.task = "Stay-v1";
  config.record = true;
  SimulatorProcess simulator(config);
  EXPECT_TRUE(simulator.reset({"Stay-v1", 1}).frames.empty());
  const Perception seen = simulator.step(actions(6));
  ASSERT_EQ(seen.frames.size(), 6u);
  EXPECT_EQ(seen.frames.back(), seen.views[0]);
  EXPECT_NE(seen.frames[0], seen.frames[5]);
}

TEST(SimulatorProcess, ItLeavesWhenAskedTo) {
  SimulatorProcess simulator(fake_simulator());
  const pid_t child = static_cast<pid_t>(simulator.process_id());
  const Stopwatch stopwatch;
  simulator.close();
  EXPECT_LT(stopwatch.seconds(), 2);
  EXPECT_EQ(kill(child, 0), -1);
  EXPECT_THROW(simulator.reset({"Reach-v1", 1}), SimulatorFailure);
}

// How each fault of tests/support/fake_simulator_worker.py must be reported.
struct Fault {
  const char* kind;
  const char* what;
  const char* where;
};

class SimulatorFault : public testing::TestWithParam<Fault> {};

TEST_P(SimulatorFault, IsAFailureThatSaysWhatHappened) {
  const Fault& fault = GetParam();
  const FakeFaults faults{{"FAKE_FAULT", fault.kind}};
  SimulatorConfig config = fake_simulator();
  config.deadline_seconds = 1.5;
  SimulatorProcess simulator(config);
  const pid_t child = static_cast<pid_t>(simulator.process_id());
  simulator.reset({"Reach-v1", 1});
  const Stopwatch stopwatch;
  const Problem problem = problem_of<SimulatorFailure>([&] { simulator.step(actions(2)); });
  EXPECT_LT(stopwatch.seconds(), 6);
  EXPECT_TRUE(contains(problem.what + problem.got, fault.what)) << to_text(problem);
  EXPECT_TRUE(contains(problem.where, "maniskill:Reach-v1, control step 0")) << problem.where;
  EXPECT_TRUE(contains(problem.where, fault.where)) << problem.where;
  const char* printed = std::string(fault.kind) == "flood" ? "noise" : "about to commit";
  EXPECT_TRUE(contains(problem.next_step, printed)) << problem.next_step;
  EXPECT_EQ(kill(child, 0), -1) << "the process lives on";
  EXPECT_THROW(simulator.reset({"Reach-v1", 1}), SimulatorFailure);
}

INSTANTIATE_TEST_SUITE_P(
    EveryKind, SimulatorFault,
    testing::Values(Fault{"sigkill", "signal 9", ""}, Fault{"sigsegv", "signal 11", ""},
                    Fault{"eof", "exit code 3", ""}, Fault{"hang", "did not answer before its deadline", ""},
                    Fault{"garbage", "agreed form", ""}, Fault{"truncated", "closed its connection", ""},
                    Fault{"too_long", "4294967295 bytes", ""}, Fault{"exception", "the solver\n diverged", ""},
                    Fault{"wrong_shape", "3 x 5", "views"}, Fault{"wrong_dtype", "<f4", "views[0]"},
                    Fault{"not_finite", "not finite", "state"}, Fault{"missing_key", "no such key", "success"},
                    Fault{"lost_step", "3 after 0", "control_steps"}, Fault{"false_end", "true", "done"},
                    Fault{"flood", "did not answer before its deadline", ""}),
    [](const auto& test) { return std::string(test.param.kind); });

TEST(SimulatorProcess, AFaultWhileStartingIsAFailureToo) {
  for (const char* request : {"hello", "make"}) {
    const FakeFaults faults{{"FAKE_FAULT", "sigsegv"}, {"FAKE_FAULT_AT", request}};
    const Problem problem = problem_of<SimulatorFailure>([] { SimulatorProcess simulator(fake_simulator()); });
    EXPECT_TRUE(contains(problem.what, "signal 11")) << to_text(problem);
  }
}

TEST(SimulatorProcess, TheProcessDiesWithItsMaker) {
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t maker = fork();
  if (maker == 0) {
    SimulatorProcess simulator(fake_simulator());
    const int64_t id = simulator.process_id();
    if (write(channel[1], &id, sizeof id) != sizeof id) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int64_t child = 0;
  ASSERT_EQ(read(channel[0], &child, sizeof child), static_cast<ssize_t>(sizeof child));
  waitpid(maker, nullptr, 0);
  // The orphan may linger as a zombie of whoever adopted it.
  const auto lives = [&] {
    std::ifstream file("/proc/" + std::to_string(child) + "/stat");
    std::string line;
    std::getline(file, line);
    return !line.empty() && !contains(line, ") Z ");
  };
  for (int wait = 0; wait < 500 && lives(); ++wait) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(lives());
  close(channel[0]);
  close(channel[1]);
}

TEST(SimulatorProcess, AnUnknownTaskIsRefusedWithTheChoices) {
  SimulatorConfig config = fake_simulator();
  config.task = "Raech-v1";
  const Problem problem = problem_of<ConfigError>([&] { SimulatorProcess simulator(config); });
  EXPECT_EQ(problem.where, "--env");
  EXPECT_EQ(problem.got, "\"Raech-v1\"");
  EXPECT_EQ(problem.expected, "one of Reach-v1, Stay-v1");
  EXPECT_EQ(problem.next_step, "did you mean \"Reach-v1\"?");
}

TEST(SimulatorProcess, AnUnknownSimulatorIsRefusedWithTheChoices) {
  const Problem problem = problem_of<ConfigError>([] { parse_environment_name("maniskil:PushCube-v1"); });
  EXPECT_EQ(problem.got, "\"maniskil\"");
  EXPECT_EQ(problem.expected, "one of maniskill, libero");
  EXPECT_EQ(problem.next_step, "did you mean \"maniskill\"?");
  EXPECT_EQ(ConfigError(problem).exit_code(), 2);
}

TEST(SimulatorProcess, AnEnvironmentIsNamedBySimulatorAndTask) {
  EXPECT_EQ(parse_environment_name("maniskill:PushCube-v1"),
            std::make_pair(std::string("maniskill"), std::string("PushCube-v1")));
  for (const char* name : {"PushCube-v1", "maniskill:", ""}) {
    const Problem problem = problem_of<ConfigError>([&] { parse_environment_name(name); });
    EXPECT_TRUE(contains(problem.expected, "SIMULATOR:TASK")) << problem.expected;
  }
}

TEST(SimulatorProcess, AMissingPythonIsNamed) {
  SimulatorConfig config = fake_simulator();
  config.python = "/no/such/python";
  const Problem named = problem_of<ConfigError>([&] { SimulatorProcess simulator(config); });
  EXPECT_EQ(named.where, "--python");
  EXPECT_EQ(named.got, "/no/such/python");

  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "without_python/scripts";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "simulator_worker.py") << "";
  config.python = "";
  config.script = folder / "simulator_worker.py";
  const char* variable = std::getenv("PHYSGEN_PYTHON");
  const std::string kept = variable ? variable : "";
  unsetenv("PHYSGEN_PYTHON");
  const Problem absent = problem_of<Error>([&] { SimulatorProcess simulator(config); });
  if (variable) setenv("PHYSGEN_PYTHON", kept.c_str(), 1);
  EXPECT_TRUE(contains(absent.where, "without_python/.venv/bin/python")) << absent.where;
  EXPECT_TRUE(contains(absent.next_step, "physgen doctor")) << absent.next_step;
}

TEST(SimulatorProcess, ASimulatorThatIsNotInstalledIsAnErrorWithTheRepair) {
  SimulatorConfig config = fake_simulator();
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "without_simulator";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(PHYSGEN_SOURCE_DIR "/scripts/simulators/simulator_worker.py",
                             folder / "simulator_worker.py", std::filesystem::copy_options::overwrite_existing);
  std::filesystem::copy_file(PHYSGEN_SOURCE_DIR "/scripts/simulators/maniskill_tasks.py", folder / "maniskill_tasks.py",
                             std::filesystem::copy_options::overwrite_existing);
  config.task = "PushCube-v1";
  config.script = folder / "simulator_worker.py";  // without maniskill_env.py beside it
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

TEST(SimulatorProcess, WrongActionsAreRefusedBeforeTheyAreSent) {
  SimulatorProcess simulator(fake_simulator());
  simulator.reset({"Reach-v1", 1});
  const Problem shape = problem_of<Error>([&] { simulator.step(Matrix::Zero(4, 3)); });
  EXPECT_EQ(shape.got, "[4, 3]");
  EXPECT_EQ(shape.expected, "[1 to 4096, 2]");
  Matrix bad = actions(2);
  bad(1, 0) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(contains(problem_of<Error>([&] { simulator.step(bad); }).what, "not finite"));
  EXPECT_EQ(simulator.step(actions(2)).control_steps, 2);
}

TEST(SimulatorProcess, WrongSettingsAreRefused) {
  SimulatorConfig config = fake_simulator();
  config.size = 4;
  EXPECT_EQ(problem_of<ConfigError>([&] { SimulatorProcess simulator(config); }).where, "size");
  config = fake_simulator();
  config.cameras.clear();
  EXPECT_EQ(problem_of<ConfigError>([&] { SimulatorProcess simulator(config); }).where, "cameras");
  SimulatorProcess simulator(fake_simulator());
  EXPECT_EQ(problem_of<ConfigError>([&] { simulator.reset({"Reach-v1", -1}); }).where, "--seed");
}

}  // namespace
}  // namespace physgen
