#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>

#include "physgen/serve/policy_server.h"

namespace physgen {

/// A policy with a memory: each number that it answers tells of the episode's seed, of all pictures that it has seen
/// and of all rows that were executed, so that a reply to another session, or out of order, is another one.
struct RememberingRobot {
  double memory = 0;

  void reset(const std::string& instruction, uint64_t seed) {
    if (instruction == "throw") throw std::runtime_error("secret /path");
    memory = static_cast<double>(seed % 1000) + static_cast<double>(instruction.size());
  }

  Matrix act(const Observation& observation, const Matrix& executed) {
    const uint8_t pixel = observation.views.at(0).pixels.at(0);
    if (pixel == 254) throw std::runtime_error("secret /path");
    memory = memory * 0.5 + pixel + executed.sum() * 0.1;
    for (const float number : observation.state) memory += number;
    Matrix actions(4, 2);
    for (int64_t row = 0; row < 4; ++row) actions.row(row) << static_cast<float>(memory), static_cast<float>(row);
    if (pixel == 255) actions(1, 0) = std::numeric_limits<float>::quiet_NaN();
    return actions;
  }
};

inline PolicyDescription fake_description() {
  return {.cameras = {"agentview", "eye_in_hand"},
          .control_mode = "osc_pose",
          .control_rate = 12.5,
          .action_width = 2,
          .chunk_length = 4,
          .execute = 3,
          .state_width = 0,
          .instruction = "push"};
}

inline ServedPolicy fake_policy(PolicyDescription description = fake_description()) {
  return {.description = std::move(description), .make = [] {
            const auto robot = std::make_shared<RememberingRobot>();
            return RobotPolicy{
                .reset = [robot](const std::string& told, uint64_t seed) { robot->reset(told, seed); },
                .act = [robot](const Observation& seen, const Matrix& done) { return robot->act(seen, done); }};
          }};
}

/// A picture of one colour.
inline Image picture(uint8_t value, int64_t side = 4) {
  return {side, side, std::vector<uint8_t>(static_cast<size_t>(side * side * 3), value)};
}

}  // namespace physgen
