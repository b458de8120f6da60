#include "physgen/rollout/simulator_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include "core/stopwatch.h"
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
  EXPECT_EQ(seen.control_steps, 30);
  EXPECT_TRUE(seen.done);
  EXPECT_FALSE(seen.success);
}

TEST(SimulatorProcess, AnotherStepLimitHoldsInsteadOfTheTasksOwn) {
  SimulatorConfig config = fake_simulator();
  config.task = "all";
  config.max_steps = 12;
  SimulatorProcess simulator(config);
  simulator.reset({"Stay-v1", 3});
  EXPECT_EQ(simulator.step(actions(100)).control_steps, 12);
}

TEST(SimulatorProcess, TheWorkerDescribesItsSimulator) {
  SimulatorConfig config = fake_simulator();
  config.task = "all";
  const SimulatorDescription there = SimulatorProcess::describe(config);
  EXPECT_EQ(there.simulator, "fake 1.0");
  EXPECT_EQ(there.task_names(), std::vector<std::string>({"Reach-v1", "Stay-v1"}));
  EXPECT_EQ(there.tasks[0].instruction, "reach the goal");
  EXPECT_EQ(there.tasks[0].max_steps, 40);
  EXPECT_EQ(there.tasks[1].max_steps, 30);
  EXPECT_EQ(there.camera_names(), std::vector<std::string>({"front", "side"}));
  EXPECT_DOUBLE_EQ(there.cameras[0].field_of_view.value(), 0.8);
  EXPECT_EQ(there.cameras[0].pose.value().translation(), Eigen::Vector3d(1, 2, 3));
  EXPECT_FALSE(there.cameras[1].field_of_view || there.cameras[1].pose);
  EXPECT_EQ(there.control_modes, std::vector<std::string>({"delta"}));
  EXPECT_DOUBLE_EQ(there.control_rate, 12.5);
  EXPECT_EQ(there.state_width, 2);
  EXPECT_EQ(there.initial_states, 0);
}

TEST(SimulatorProcess, AnEpisodeMayEndBeforeItsLimitWithoutSuccess) {
  const FakeFaults fall{{"FAKE_FALL", "1"}};
  SimulatorProcess simulator(fake_simulator());
  simulator.reset({"Reach-v1", 1});
  const Perception seen = simulator.step(actions(5));
  EXPECT_EQ(seen.control_steps, 1);
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
  EXPECT_TRUE(contains(problem.where, "fake:Reach-v1, control step 0")) << problem.where;
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
                    Fault{"lost_step", "3 after 0", "control_steps"}, Fault{"false_end", "false", "done"},
                    Fault{"prints", "\"Loading the scene ...\"", ""},
                    Fault{"flood", "did not answer before its deadline", ""}),
    [](const auto& test) { return std::string(test.param.kind); });

TEST(SimulatorProcess, AFaultWhileStartingIsAFailureToo) {
  for (const char* request : {"hello", "describe", "make"}) {
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
  SimulatorConfig config = fake_simulator();
  config.simulator = "maniskil";
  config.worker = "";
  const Problem problem = problem_of<ConfigError>([&] { SimulatorProcess simulator(config); });
  EXPECT_EQ(problem.got, "\"maniskil\"");
  EXPECT_TRUE(contains(problem.expected, "one of maniskill, libero")) << problem.expected;
  EXPECT_TRUE(contains(problem.expected, "--worker")) << problem.expected;
  EXPECT_EQ(problem.next_step, "did you mean \"maniskill\"?");
  EXPECT_EQ(ConfigError(problem).exit_code(), 2);
}

TEST(SimulatorProcess, AnEnvironmentIsNamedBySimulatorAndTask) {
  EXPECT_EQ(parse_environment_name("maniskill:PushCube-v1"),
            std::make_pair(std::string("maniskill"), std::string("PushCube-v1")));
  for (const char* name : {"PushCube-v1", "maniskill:", ":PushCube-v1", ""}) {
    const Problem problem = problem_of<ConfigError>([&] { parse_environment_name(name); });
    EXPECT_TRUE(contains(problem.expected, "SIMULATOR:TASK")) << problem.expected;
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

TEST(SimulatorProcess, CamerasMayBeThoseThatAPatternNames) {
  SimulatorConfig config = fake_simulator();
  config.cameras = {"view_12", "front"};
  EXPECT_EQ(SimulatorProcess(config).reset({"Reach-v1", 1}).views.size(), 2);
  config.cameras = {"view_12b"};
  EXPECT_EQ(problem_of<ConfigError>([&] { SimulatorProcess simulator(config); }).got, "\"view_12b\"");
  const FakeFaults bracket{{"FAKE_MORE_CAMERAS", "view_["}};
  EXPECT_EQ(problem_of<SimulatorFailure>([&] { SimulatorProcess simulator(config); }).got, "view_[");
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
