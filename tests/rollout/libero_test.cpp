#include <gtest/gtest.h>

#include <filesystem>

#include "physgen/rollout/simulator_process.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

/// Why the real simulator cannot run here; empty where it can.
std::string obstacle() {
  const fs::path environment = PHYSGEN_SOURCE_DIR "/.venv-libero";
  if (!fs::exists(environment / "finished")) return "LIBERO is not set up";
  return "";
}

SimulatorConfig suite(const std::string& name) {
  return {.simulator = "libero",
          .task = name,
          .cameras = {"agentview", "eye_in_hand"},
          .size = 64,
          .control_mode = "osc_pose",
          .max_steps = 280,
          .state = true};
}

Matrix still(int64_t rows, float x = 0) {
  Matrix actions = Matrix::Zero(rows, 7);
  actions.col(0).setConstant(x);
  actions.col(6).setConstant(-1);
  return actions;
}

class Libero : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = obstacle(); !reason.empty()) GTEST_SKIP() << reason << ": run scripts/setup_libero";
  }
};

TEST_F(Libero, ListsItsSuitesWithTheLimitsOfTheField) {
  const std::pair<const char*, int64_t> limits[] = {
      {"libero_spatial", 220}, {"libero_object", 280}, {"libero_goal", 300}, {"libero_10", 520}, {"libero_90", 400}};
  for (const auto& [name, most] : limits) {
    const SimulatorDescription there = SimulatorProcess::describe(suite(name));
    EXPECT_EQ(there.tasks.size(), std::string(name) == "libero_90" ? 90u : 10u) << name;
    EXPECT_EQ(there.initial_states, 50) << name;
    for (const SimulatorTask& task : there.tasks) EXPECT_EQ(task.max_steps, most) << name;
  }
  const SimulatorTask third = SimulatorProcess::describe(suite("libero_10")).tasks[2];
  EXPECT_EQ(third.name, "KITCHEN_SCENE3_turn_on_the_stove_and_put_the_moka_pot_on_it");
  EXPECT_EQ(third.instruction, "turn on the stove and put the moka pot on it");
}

TEST_F(Libero, AnEpisodeDependsOnItsInitialStateAlone) {
  const std::string task = "pick_up_the_butter_and_place_it_in_the_basket",
                    other = "pick_up_the_milk_and_place_it_in_the_basket";
  SimulatorProcess simulator(suite("libero_object"));
  EXPECT_EQ(simulator.action_width(), 7);
  const Perception start = simulator.reset({task, 3});
  EXPECT_EQ(start.instruction, "pick up the butter and place it in the basket");
  ASSERT_EQ(start.views.size(), 2u);
  EXPECT_EQ(start.state.size(), 8u);
  const Perception moved = simulator.step(still(8, 0.5F));
  EXPECT_GT(moved.state[0], start.state[0] + 0.02F);  // half of 5 cm a step, with the controller's lag
  EXPECT_FALSE(moved.done);
  EXPECT_NE(simulator.reset({other, 3}).views, start.views);
  const Perception again = simulator.reset({task, 3});
  EXPECT_EQ(again.views, start.views);
  EXPECT_EQ(again.state, start.state);
  EXPECT_EQ(simulator.step(still(8, 0.5F)).state, moved.state);
}

TEST_F(Libero, WhatItDoesNotHaveIsRefused) {
  const auto refusal = [](const SimulatorConfig& config) {
    return problem_of<ConfigError>([&] { SimulatorProcess simulator(config); });
  };
  EXPECT_NE(refusal(suite("libero_objects")).next_step.find("libero_object"), std::string::npos);
  SimulatorConfig config = suite("libero_object");
  config.cameras = {"agent_view"};
  EXPECT_NE(refusal(config).expected.find("agentview"), std::string::npos);
  config = suite("libero_object");
  config.control_mode = "pd_joint_pos";
  EXPECT_NE(refusal(config).expected.find("osc_pose"), std::string::npos);
  SimulatorProcess simulator(suite("libero_object"));
  const Problem state = problem_of<ConfigError>([&] {
    simulator.reset({"pick_up_the_butter_and_place_it_in_the_basket", 50});
  });
  EXPECT_NE(state.got.find("0 to 49"), std::string::npos) << state.got;
}

}  // namespace
}  // namespace physgen
