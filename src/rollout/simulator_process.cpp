#include "physgen/rollout/simulator_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "child_process.h"
#include "description_reader.h"
#include "physgen/core/choice.h"
#include "physgen/core/suggestion.h"
#include "wire/message.h"
#include "wire/message_writer.h"
#include "worker_program.h"

namespace physgen {
namespace {

constexpr int64_t kProtocol = 3;  // scripts/simulators/physgen_worker.py and .github/docs/simulators.md say the same
constexpr int64_t kLargestSeed = std::numeric_limits<uint32_t>::max();
constexpr int64_t kMostActions = 4096;
constexpr int64_t kMostSteps = 1'000'000;
constexpr double kSecondsToEnd = 2;

FormatError lie(const std::string& where, const std::string& got, const std::string& expected) {
  return FormatError(
      {.what = "the simulator's answer contradicts itself", .where = where, .got = got, .expected = expected});
}

std::string size_text(const Image& image) { return std::to_string(image.height) + " x " + std::to_string(image.width); }

void check_pictures(const std::vector<Image>& pictures, size_t count, int64_t size, const char* where) {
  if (pictures.size() != count) {
    throw lie(where, std::to_string(pictures.size()) + " pictures", std::to_string(count));
  }
  for (const Image& picture : pictures) {
    if (picture.height == size && picture.width == size) continue;
    throw lie(where, "a picture of " + size_text(picture), std::to_string(size) + " x " + std::to_string(size));
  }
}

void check_actions(const Matrix& actions, int64_t width) {
  const std::string sizes = fmt::format("[{}, {}]", actions.rows(), actions.cols());
  if (actions.rows() < 1 || actions.rows() > kMostActions || actions.cols() != width) {
    throw Error({.what = "the actions do not fit the simulator",
                 .where = "SimulatorProcess::step",
                 .got = sizes,
                 .expected = "[1 to " + std::to_string(kMostActions) + ", " + std::to_string(width) + "]"});
  }
  if (actions.allFinite()) return;
  throw Error({.what = "an action is not finite", .where = "SimulatorProcess::step", .expected = "finite numbers"});
}

void check_limits(const std::vector<float>& low, const std::vector<float>& high) {
  if (low.empty() || low.size() != high.size()) {
    throw lie("action_high", std::to_string(high.size()) + " limits", std::to_string(low.size()) + ", at least 1");
  }
  for (size_t i = 0; i < low.size(); ++i) {
    if (low[i] > high[i]) throw lie("action_low", fmt::format("{} to {}", low[i], high[i]), "a least, then a greatest");
  }
}

void check_config(const SimulatorConfig& config) {
  parse_environment_name(config.simulator + ":" + config.task);
  const auto require = [](bool right, const char* where, const std::string& got, const char* expected) {
    if (!right)
      throw ConfigError({.what = "a simulator setting is wrong", .where = where, .got = got, .expected = expected});
  };
  require(!config.cameras.empty(), "cameras", "none", "at least one");
  require(config.size >= 16 && config.size <= 2048, "size", std::to_string(config.size), "16 to 2048 pixels");
  require(config.max_steps >= 0 && config.max_steps <= kMostSteps, "max_steps", std::to_string(config.max_steps),
          "0 to 1000000");
  require(config.deadline_seconds > 0 && config.start_deadline_seconds > 0, "deadline", "none", "more than 0 s");
}

}  // namespace

std::pair<std::string, std::string> parse_environment_name(const std::string& name) {
  const size_t colon = name.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == name.size()) {
    throw ConfigError({.what = "an environment's name is incomplete",
                       .where = "--env",
                       .got = "\"" + name + "\"",
                       .expected = "SIMULATOR:TASK, such as maniskill:PushCube-v1 or libero:libero_object"});
  }
  return {name.substr(0, colon), name.substr(colon + 1)};
}

struct SimulatorProcess::Session {
  explicit Session(const SimulatorConfig& chosen)
      : config(chosen), child(worker_command(chosen, ChildProcess::kChildDescriptor, workers_folder())) {}

  void start();
  void describe();
  void make_task();
  Perception reset(const EpisodeStart& start);
  Perception ask(const std::string& request, int64_t steps_before, int64_t steps_asked, const std::string& doing);
  Message exchange(const std::string& request, double seconds, const std::string& doing);
  Perception perception_of(const Message& reply, int64_t steps_before, int64_t steps_asked);
  void check_state(const Perception& seen) const;
  void check_progress(const Perception& seen, int64_t steps_before, int64_t steps_asked) const;
  [[noreturn]] void refuse(const Message& reply, const std::string& doing);
  [[noreturn]] void refuse_protocol(int64_t spoken);
  /// Ends the child, which gets `grace` seconds to do so by itself, and throws SimulatorFailure.
  [[noreturn]] void fail(const Problem& cause, const std::string& doing, double grace = 0);
  std::string place(const std::string& doing) const { return config.simulator + ":" + config.task + ", " + doing; }

  SimulatorConfig config;
  ChildProcess child;
  SimulatorDescription description;
  std::vector<float> action_low;
  std::vector<float> action_high;
  SimulatorTask task;  // of the present episode, with the limit that holds
  int64_t control_steps = 0;
};

void SimulatorProcess::Session::start() {
  const Message reply = exchange(MessageWriter("hello").add_integer("protocol", kProtocol).bytes(),
                                 config.start_deadline_seconds, "start");
  int64_t spoken = 0;
  try {
    spoken = reply.integer("protocol", 0, std::numeric_limits<uint32_t>::max());
    if (spoken == kProtocol) description.simulator = reply.text("simulator");
  } catch (const FormatError& error) {
    fail(error.problem(), "start");
  }
  if (spoken != kProtocol) refuse_protocol(spoken);
}

void SimulatorProcess::Session::refuse_protocol(int64_t spoken) {
  child.end(0);
  throw Error({.what = "the simulator's worker speaks another protocol",
               .where = place("start"),
               .got = "protocol " + std::to_string(spoken),
               .expected = "protocol " + std::to_string(kProtocol),
               .next_step = spoken < kProtocol
                                ? "bring the worker up to date: one in Python takes this version's physgen_worker.py, "
                                  "others follow .github/docs/simulators.md"
                                : "use the physgen that the worker was written for, or a later one"});
}

void SimulatorProcess::Session::describe() {
  const std::string doing = "describing the tasks";
  const Message reply =
      exchange(MessageWriter("describe").add_text("name", config.task).bytes(), config.start_deadline_seconds, doing);
  try {
    const std::string simulator = description.simulator;
    description = read_description(reply);
    description.simulator = simulator;
  } catch (const FormatError& error) {
    fail(error.problem(), doing);
  }
}

void SimulatorProcess::Session::make_task() {
  const std::string request = MessageWriter("make")
                                  .add_text("name", config.task)
                                  .add_texts("cameras", config.cameras)
                                  .add_integer("size", config.size)
                                  .add_text("control_mode", config.control_mode)
                                  .add_flag("state", config.state)
                                  .add_flag("record", config.record)
                                  .bytes();
  const Message reply = exchange(request, config.start_deadline_seconds, "making the task");
  try {
    action_low = reply.floats("action_low");
    action_high = reply.floats("action_high");
    check_limits(action_low, action_high);
  } catch (const FormatError& error) {
    fail(error.problem(), "making the task");
  }
}

Perception SimulatorProcess::Session::reset(const EpisodeStart& start) {
  const auto found = std::ranges::find(description.tasks, start.task, &SimulatorTask::name);
  if (found == description.tasks.end()) {
    refuse_choice(start.task, description.task_names(), "the simulator has no such task", place("reset"));
  }
  task = *found;
  if (config.max_steps > 0) task.max_steps = config.max_steps;
  const std::string request = MessageWriter("reset")
                                  .add_text("task", start.task)
                                  .add_integer("seed", start.seed)
                                  .add_integer("max_steps", task.max_steps)
                                  .bytes();
  return ask(request, 0, 0, "reset of " + start.task + ", seed " + std::to_string(start.seed));
}

Perception SimulatorProcess::Session::ask(const std::string& request, int64_t steps_before, int64_t steps_asked,
                                          const std::string& doing) {
  const Message reply = exchange(request, config.deadline_seconds, doing);
  try {
    return perception_of(reply, steps_before, steps_asked);
  } catch (const FormatError& error) {
    fail(error.problem(), doing);
  }
}

Message SimulatorProcess::Session::exchange(const std::string& request, double seconds, const std::string& doing) {
  const auto talk = [&] {
    try {
      const Deadline deadline = seconds_from_now(seconds);
      child.send(request, deadline);
      return Message(child.receive(kLongestMessage, deadline));
    } catch (const ChildGone& error) {
      fail(error.problem(), doing, kSecondsToEnd);
    } catch (const Error& error) {
      fail(error.problem(), doing);
    }
  };
  Message reply = talk();
  if (reply.has("error")) refuse(reply, doing);
  return reply;
}

Perception SimulatorProcess::Session::perception_of(const Message& reply, int64_t steps_before, int64_t steps_asked) {
  Perception seen{.views = reply.images("views"),
                  .state = config.state ? reply.floats("state") : std::vector<float>(),
                  .instruction = task.instruction,
                  .success = reply.flag("success"),
                  .done = reply.flag("done"),
                  .control_steps = reply.integer("control_steps", 0, task.max_steps),
                  .frames = {}};
  if (config.record && steps_asked > 0) seen.frames = reply.images("frames");
  check_pictures(seen.views, config.cameras.size(), config.size, "views");
  check_progress(seen, steps_before, steps_asked);
  check_state(seen);
  control_steps = seen.control_steps;
  return seen;
}

void SimulatorProcess::Session::check_state(const Perception& seen) const {
  if (!config.state || std::ssize(seen.state) == description.state_width) return;
  throw lie("state", std::to_string(seen.state.size()) + " numbers", std::to_string(description.state_width));
}

void SimulatorProcess::Session::check_progress(const Perception& seen, int64_t steps_before,
                                               int64_t steps_asked) const {
  const int64_t taken = seen.control_steps - steps_before;
  const std::string steps = std::to_string(seen.control_steps) + " after " + std::to_string(steps_before);
  const bool started = steps_asked == 0 && taken == 0;
  if (!started && (taken < 1 || taken > steps_asked || (taken < steps_asked && !seen.done))) {
    throw lie("control_steps", steps, std::to_string(steps_asked) + " more, or fewer and done");
  }
  if (!seen.done && (seen.success || seen.control_steps == task.max_steps)) {
    throw lie("done", "false", "true on success and at the step limit");
  }
  if (config.record && steps_asked > 0) check_pictures(seen.frames, static_cast<size_t>(taken), config.size, "frames");
}

/// Turns the worker's own report of an error into an exception.
void SimulatorProcess::Session::refuse(const Message& reply, const std::string& doing) {
  std::string kind;
  Problem problem{.what = "the simulator failed", .where = "", .got = "", .expected = "", .next_step = ""};
  std::vector<std::string> choices;
  try {
    kind = reply.text("kind");
    problem.got = reply.text("error");
    if (kind == "unknown_task") choices = reply.texts("choices");
    if (reply.has("next_step")) problem.next_step = reply.text("next_step");
  } catch (const FormatError& error) {
    fail(error.problem(), doing);
  }
  if (kind == "unknown_task") {
    throw ConfigError({.what = "the simulator has no such task",
                       .where = "--env",
                       .got = "\"" + config.task + "\"",
                       .expected = "one of " + comma_separated(choices),
                       .next_step = suggestion(config.task, choices)});
  }
  problem.where = place(doing);
  if (kind == "refused") {
    problem.what = "the simulator refused what was asked for";
    throw ConfigError(problem);
  }
  if (kind == "cannot_start") {
    problem.what = "the simulator cannot be started";
    throw Error(problem);
  }
  fail(problem, doing);
}

void SimulatorProcess::Session::fail(const Problem& cause, const std::string& doing, double grace) {
  const std::string ending = child.end(grace);
  const std::string words = child.last_words();
  Problem problem = cause;
  problem.where = place(doing) + (cause.where.empty() ? "" : ": " + cause.where);
  if (!ending.empty() && ending != "killed") problem.what += " (" + ending + ")";
  problem.next_step = words.empty() ? "the simulator printed nothing" : "the simulator printed:\n" + words;
  throw SimulatorFailure(problem);
}

SimulatorDescription SimulatorProcess::describe(const SimulatorConfig& config) {
  parse_environment_name(config.simulator + ":" + config.task);
  Session session(config);
  session.start();
  session.describe();
  return session.description;
}

SimulatorProcess::SimulatorProcess(const SimulatorConfig& config) {
  check_config(config);
  session_ = std::make_unique<Session>(config);
  session_->start();
  session_->describe();
  check_config_against(session_->description, config);
  session_->make_task();
}

SimulatorProcess::~SimulatorProcess() {
  try {
    close();
  } catch (const std::exception&) {  // the child's destructor kills it
  }
}

Perception SimulatorProcess::reset(const EpisodeStart& start) {
  const int64_t seed = start.seed;
  if (seed < 0 || seed > kLargestSeed) {
    throw ConfigError({.what = "a seed is out of range",
                       .where = "--seed",
                       .got = std::to_string(seed),
                       .expected = "0 to " + std::to_string(kLargestSeed)});
  }
  return session_->reset(start);
}

Perception SimulatorProcess::step(const Matrix& actions) {
  check_actions(actions, action_width());
  return session_->ask(MessageWriter("step").add_matrix("actions", actions).bytes(), session_->control_steps,
                       actions.rows(), "control step " + std::to_string(session_->control_steps));
}

const SimulatorDescription& SimulatorProcess::description() const { return session_->description; }
int64_t SimulatorProcess::action_width() const { return static_cast<int64_t>(session_->action_low.size()); }
const std::vector<float>& SimulatorProcess::action_low() const { return session_->action_low; }
const std::vector<float>& SimulatorProcess::action_high() const { return session_->action_high; }
int64_t SimulatorProcess::process_id() const { return session_->child.id(); }

void SimulatorProcess::close() {
  if (session_->child.id() < 0) return;
  try {
    session_->child.send(MessageWriter("close").bytes(), seconds_from_now(kSecondsToEnd));
  } catch (const Error&) {
    session_->child.end(0);
    return;
  }
  session_->child.end(kSecondsToEnd);
}

}  // namespace physgen
