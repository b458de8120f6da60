#include "worker_check.h"

#include <fmt/core.h>

#include <cstdio>
#include <string>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

namespace physgen {
namespace {

constexpr int64_t kRows = 8;

void say(const char* name, const std::string& text) {
  fmt::print("{:<8} {:<13} {}\n", "ok", name, text);
  std::fflush(stdout);
}

std::string text_of(const SimulatorCamera& camera) {
  std::string text = camera.name;
  if (camera.field_of_view) text += fmt::format(" ({:.2f} rad)", *camera.field_of_view);
  return text;
}

void show(const SimulatorDescription& there) {
  std::vector<std::string> cameras;
  for (const SimulatorCamera& camera : there.cameras) cameras.push_back(text_of(camera));
  say("worker", fmt::format("{}, {} control steps a second", there.simulator, there.control_rate));
  say("tasks", comma_separated(there.task_names()));
  if (!there.more_cameras.empty()) cameras.push_back("any that matches " + there.more_cameras);
  say("cameras", comma_separated(cameras));
  say("control modes", comma_separated(there.control_modes));
  say("state", there.state_width > 0 ? fmt::format("width {}", there.state_width) : "none");
  say("seeds", there.initial_states > 0 ? fmt::format("0 to {}", there.initial_states - 1) : "any");
}

// Rows in the middle between the limits, slowly leaving it for the greatest.
Matrix tried_actions(const SimulatorProcess& simulator) {
  Matrix actions(kRows, simulator.action_width());
  for (int64_t axis = 0; axis < actions.cols(); ++axis) {
    const float low = simulator.action_low()[static_cast<size_t>(axis)];
    const float high = simulator.action_high()[static_cast<size_t>(axis)];
    for (int64_t row = 0; row < kRows; ++row) {
      actions(row, axis) = low / 2 + high / 2 + (high / 2 - low / 2) * static_cast<float>(row) / kRows;
    }
  }
  return actions;
}

Perception run(SimulatorProcess& simulator, const std::string& task) {
  const Perception start = simulator.reset({task, 0});
  return start.done ? start : simulator.step(tried_actions(simulator));
}

void check_task(SimulatorProcess& simulator, const SimulatorTask& task) {
  const Perception first = run(simulator, task.name);
  const Perception again = run(simulator, task.name);
  if (first.views != again.views || first.state != again.state || first.control_steps != again.control_steps) {
    throw Error({.what = "the same seed and actions give another episode",
                 .where = task.name,
                 .got = first.control_steps == again.control_steps
                            ? "another picture or state after the same control steps"
                            : "another number of control steps",
                 .expected = "an episode that depends on its seed alone",
                 .next_step = "draw whatever is random from the seed, and begin each episode from nothing"});
  }
  say("episode", fmt::format("{}: {} of {} control steps, and the same ones again", task.name, first.control_steps,
                             task.max_steps));
}

}  // namespace

void check_worker(SimulatorConfig config) {
  const SimulatorDescription there = SimulatorProcess::describe(config);
  show(there);
  config.cameras = there.camera_names();
  config.control_mode = there.control_modes.front();
  config.state = there.state_width > 0;
  SimulatorProcess simulator(config);
  say("actions", fmt::format("width {}", simulator.action_width()));
  for (const SimulatorTask& task : there.tasks) check_task(simulator, task);
}

}  // namespace physgen
