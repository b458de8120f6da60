#include <gtest/gtest.h>

#include <filesystem>

#include "physgen/rollout/simulator_process.h"

namespace physgen {
namespace {

/// Why the real simulator cannot run here; empty where it can.
std::string obstacle() {
  namespace fs = std::filesystem;
  const fs::path source = PHYSGEN_SOURCE_DIR;
  if (!fs::exists(source / ".venv/bin/python")) return "there is no .venv";
  if (fs::exists(source / ".mesa/lvp_icd.json")) return "";
  if (fs::exists("/usr/share/vulkan/icd.d")) {
    for (const auto& entry : fs::directory_iterator("/usr/share/vulkan/icd.d")) {
      if (entry.path().filename().string().starts_with("lvp_icd")) return "";
    }
  }
  return "there is no software Vulkan driver";
}

SimulatorConfig push_cube() {
  SimulatorConfig config;
  config.task = "PushCube-v1";
  config.size = 64;
  config.state = true;
  return config;
}

Matrix hold(const std::vector<float>& state, int64_t rows) {
  Matrix actions(rows, 8);
  for (int64_t joint = 0; joint < 8; ++joint) actions.col(joint).setConstant(state[static_cast<size_t>(joint)]);
  return actions;
}

TEST(ManiSkill, PushCubeResetsAndSteps) {
  if (const std::string reason = obstacle(); !reason.empty()) GTEST_SKIP() << reason << ": run scripts/setup";
  SimulatorProcess simulator(push_cube());
  EXPECT_EQ(simulator.action_width(), 8);
  EXPECT_NEAR(simulator.action_high()[0], 2.8973, 1e-4);

  const Perception start = simulator.reset({"PushCube-v1", 3});
  ASSERT_EQ(start.views.size(), 1u);
  EXPECT_EQ(start.instruction, "Push and move a cube to a goal region in front of it.");
  EXPECT_EQ(start.views[0].height, 64);
  EXPECT_EQ(start.state.size(), 9u);
  Matrix actions = hold(start.state, 8);
  actions.col(0).array() += 0.2f;
  const Perception seen = simulator.step(actions);
  EXPECT_EQ(seen.control_steps, 8);
  EXPECT_FALSE(seen.done);
  EXPECT_NE(seen.views[0], start.views[0]);
  EXPECT_NEAR(seen.state[0], start.state[0] + 0.2f, 0.05f);

  const Perception again = simulator.reset({"PushCube-v1", 3});
  EXPECT_EQ(again.views[0], start.views[0]);
  EXPECT_EQ(again.state, start.state);
}

TEST(ManiSkill, WhatItDoesNotHaveIsRefused) {
  if (const std::string reason = obstacle(); !reason.empty()) GTEST_SKIP() << reason << ": run scripts/setup";
  const auto problem_with = [](const SimulatorConfig& config) {
    try {
      SimulatorProcess simulator(config);
    } catch (const ConfigError& error) {
      return error.problem();
    }
    ADD_FAILURE() << "no ConfigError";
    return Problem{};
  };
  SimulatorConfig config = push_cube();
  config.cameras = {"rear_camera"};
  EXPECT_NE(problem_with(config).expected.find("render_camera"), std::string::npos);
  config = push_cube();
  config.control_mode = "pd_joint_pso";
  EXPECT_NE(problem_with(config).expected.find("pd_joint_pos"), std::string::npos);
}

}  // namespace
}  // namespace physgen
