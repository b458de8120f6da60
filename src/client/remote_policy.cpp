#include <physgen/client/remote_policy.h>

#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

#include "client/link.h"
#include "core/strict_json.h"
#include "physgen/core/error.h"
#include "wire/policy_metadata.h"

namespace physgen {
namespace {

/// What a server says in a text message: a code, a sentence and a field.
Error refusal_of(const std::string& url, const WebMessage& message) {
  const std::string text(message.bytes.begin(), message.bytes.end());
  std::string sentence = text, code;
  try {
    const nlohmann::json said = parse_strict_json(text, url);
    sentence = said.at("message").get<std::string>();
    code = said.at("code").get<std::string>();
  } catch (const FormatError&) {  // another server's own words
  } catch (const nlohmann::json::exception&) {
  }
  return Error({.what = "the policy server refuses: " + sentence, .where = url, .got = code});
}

}  // namespace

struct RemotePolicy::Robot {
  Robot(const std::string& address, const RemoteOptions& how) : url(address), options(how) { connect(); }

  void connect();
  MessageWriter observed(const Observation& observation, const Matrix& executed) const;
  Matrix reply();

  std::string url;
  RemoteOptions options;
  std::unique_ptr<Link> link;
  PolicyDescription description;
  bool started = false;  // an episode
  bool begins = false;   // with the next observation
  std::string instruction;
  uint64_t seed = 0;
};

void RemotePolicy::Robot::connect() {
  link.reset();
  auto fresh = std::make_unique<Link>(url, options);
  const WebMessage greeting = fresh->receive();
  if (greeting.text) throw refusal_of(url, greeting);
  description = description_of(Message(greeting.bytes));
  link = std::move(fresh);
}

MessageWriter RemotePolicy::Robot::observed(const Observation& observation, const Matrix& executed) const {
  if (observation.views.size() != description.cameras.size()) {
    throw Error({.what = "another number of pictures than the policy looks at",
                 .where = "Observation::views",
                 .got = std::to_string(observation.views.size()),
                 .expected = std::to_string(description.cameras.size())});
  }
  MessageWriter message;
  for (size_t i = 0; i < observation.views.size(); ++i) {
    message.add_image(("observation/" + description.cameras[i]).c_str(), observation.views[i]);
  }
  if (description.state_width > 0) message.add_numbers("observation/state", observation.state);
  message.add_text("prompt", instruction);
  if (begins) {
    message.add_flag("reset", true).add_unsigned("seed", seed);
  } else {
    message.add_matrix("executed", executed);
  }
  return message;
}

Matrix RemotePolicy::Robot::reply() {
  const WebMessage message = link->receive();
  if (message.text) throw refusal_of(url, message);
  const Matrix actions = Message(message.bytes).matrix("actions");
  if (actions.rows() == description.execute && actions.cols() == description.action_width) return actions;
  throw FormatError(
      {.what = "the policy server's reply has another shape than announced",
       .where = url,
       .got = std::to_string(actions.rows()) + " x " + std::to_string(actions.cols()),
       .expected = std::to_string(description.execute) + " x " + std::to_string(description.action_width)});
}

RemotePolicy::RemotePolicy(const std::string& url, const RemoteOptions& options)
    : robot_(std::make_unique<Robot>(url, options)) {}
RemotePolicy::~RemotePolicy() = default;
RemotePolicy::RemotePolicy(RemotePolicy&&) noexcept = default;

const PolicyDescription& RemotePolicy::description() const { return robot_->description; }

void RemotePolicy::reset(const std::string& instruction, uint64_t seed) {
  Robot& robot = *robot_;
  robot.started = false;  // unless there is a server
  if (!robot.link || robot.link->is_broken()) robot.connect();
  robot.instruction = instruction;
  robot.seed = seed;
  robot.started = robot.begins = true;
}

Matrix RemotePolicy::act(const Observation& observation, const Matrix& executed) {
  Robot& robot = *robot_;
  if (!robot.started) {
    throw Error({.what = "an episode has not begun",
                 .where = "RemotePolicy::act",
                 .got = "no call of reset",
                 .expected = "",
                 .next_step = "call RemotePolicy::reset with the instruction first"});
  }
  const std::string bytes = robot.observed(observation, executed).bytes();
  robot.started = false;  // unless the server answers
  try {
    robot.link->send(bytes);
    Matrix actions = robot.reply();
    robot.started = true;
    robot.begins = false;
    return actions;
  } catch (...) {
    robot.link.reset();
    throw;
  }
}

void RemotePolicy::close() {
  robot_->started = false;
  if (!robot_->link) return;
  robot_->link->close();
  robot_->link.reset();
}

}  // namespace physgen
