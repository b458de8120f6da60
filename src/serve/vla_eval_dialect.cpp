#include <chrono>

#include "physgen/core/version.h"
#include "serve/dialect.h"
#include "wire/array.h"
#include "wire/policy_metadata.h"

namespace physgen {
namespace {

constexpr int64_t kProtocol = 1;

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

MessageWriter message(const std::string& type, const MessageWriter& payload, int64_t sequence) {
  MessageWriter message(ArrayKeys::text);
  message.add_text("type", type)
      .add_map("payload", payload)
      .add_integer("seq", sequence)
      .add_number("timestamp", now());
  return message;
}

/// What the harness compares with its benchmark's own.
MessageWriter spec(const std::string& name, int64_t numbers, const std::string& format) {
  MessageWriter spec;
  spec.add_text("name", name).add_integer("dims", numbers).add_text("format", format);
  return spec;
}

/// LIBERO's controller and ManiSkill's of the same kind: the hand's movement, its turn and the fingers.
MessageWriter action_spec(const PolicyDescription& policy) {
  MessageWriter spec_of;
  if (policy.control_mode == "osc_pose" && policy.action_width == 7) {
    spec_of.add_map("position", spec("position", 3, "delta_xyz"))
        .add_map("rotation", spec("rotation", 3, "axis_angle"))
        .add_map("gripper", spec("gripper", 1, "binary_close_positive"));
  }
  return spec_of;
}

MessageWriter hello_payload(const PolicyDescription& policy) {
  MessageWriter wishes, payload;
  if (policy.cameras.size() > 1) wishes.add_flag("send_wrist_image", true);
  if (policy.state_width > 0) wishes.add_flag("send_state", true);
  MessageWriter observation;
  observation.add_map("language", spec("language", 0, "language"));
  payload.add_text("model_server", version_text())
      .add_text("harness_version", "0.8.0")
      .add_integer("protocol_version", kProtocol)
      .add_map("capabilities", MessageWriter())
      .add_map("observation_params", wishes)
      .add_map("action_spec", action_spec(policy))
      .add_map("observation_spec", observation);
  return payload;
}

void check_protocol(const Message& payload) {
  const int64_t protocol = payload.integer("protocol_version", INT32_MIN, INT32_MAX);
  if (protocol == kProtocol) return;
  throw ClientError({.code = "other_protocol",
                     .sentence = fmt::format("the client speaks version {} of vla-evaluation-harness's protocol, this "
                                             "server version {}",
                                             protocol, kProtocol),
                     .field = "protocol_version",
                     .closes = true});
}

std::optional<bool> success_of(const Message& payload) {
  if (!payload.is_map("metrics")) return std::nullopt;
  const Message metrics = payload.map("metrics");
  return metrics.is_flag("success") ? std::optional(metrics.flag("success")) : std::nullopt;
}

Request observed(const Message& payload, const ObservationKeys& keys) {
  Request request;
  request.instruction = keys.instruction_of(payload);
  request.observation = keys.observation_of(payload);
  return request;
}

class VlaEvalDialect : public Dialect {
 public:
  bool asks_each_step() const override { return true; }

  Request read(const Message& message, const ObservationKeys& keys) const override {
    const std::string type = message.text("type");
    const Message payload = message.map("payload");
    Request request;
    if (type == "hello") {
      check_protocol(payload);
      request.kind = Request::Kind::hello;
    } else if (type == "episode_start") {
      request.kind = Request::Kind::begin;
    } else if (type == "episode_end") {
      request.kind = Request::Kind::end;
      request.success = success_of(payload);
    } else if (type == "observation") {
      request = observed(payload, keys);
    } else {
      throw malformed("type", type, "hello, episode_start, observation or episode_end");
    }
    request.sequence = message.integer("seq", 0, INT64_MAX);
    return request;
  }

  std::optional<WebMessage> welcome(const PolicyDescription& policy, int64_t sequence) const override {
    return web_message(message("hello", hello_payload(policy), sequence).bytes());
  }

  WebMessage reply(const Matrix& actions, const RoundNotes&, int64_t sequence) const override {
    MessageWriter payload(ArrayKeys::text);
    payload.add_numbers("actions", {actions.data(), actions.data() + actions.cols()});
    return web_message(message("action", payload, sequence).bytes());
  }

  WebMessage refusal(const ClientProblem& problem, int64_t sequence) const override {
    MessageWriter payload;
    payload.add_text("error", problem.sentence).add_text("code", problem.code).add_text("field", problem.field);
    return web_message(message("error", payload, sequence).bytes());
  }
};

}  // namespace

std::unique_ptr<Dialect> vla_eval_dialect() { return std::make_unique<VlaEvalDialect>(); }

std::unique_ptr<Dialect> dialect_of(const Message& first) {
  return first.has("type") && first.has("payload") ? vla_eval_dialect() : openpi_dialect();
}

WebMessage greeting(const PolicyDescription& policy) {
  MessageWriter metadata = message("hello", hello_payload(policy), 1);
  metadata.add_text("server", version_text());
  add_description(metadata, policy);
  return web_message(metadata.bytes());
}

}  // namespace physgen
