#include <nlohmann/json.hpp>

#include "serve/dialect.h"
#include "wire/policy_metadata.h"

namespace physgen {
namespace {

class OpenpiDialect : public Dialect {
 public:
  bool asks_each_step() const override { return false; }

  Request read(const Message& message, const ObservationKeys& keys) const override {
    Request request;
    request.reset = message.has("reset") && message.flag("reset");
    if (message.has("seed")) request.seed = message.unsigned_integer("seed");
    if (message.has("executed")) request.executed = message.matrix("executed");
    request.instruction = keys.instruction_of(message);
    request.observation = keys.observation_of(message);
    return request;
  }

  std::optional<WebMessage> welcome(const PolicyDescription& policy, int64_t) const override {
    return greeting(policy);
  }

  WebMessage reply(const Matrix& actions, const RoundNotes& notes, int64_t) const override {
    MessageWriter policy, server, reply;
    policy.add_number("infer_ms", notes.infer_ms);
    // openpi's own client takes every value here for a number.
    server.add_number("infer_ms", notes.infer_ms)
        .add_number("queue_ms", notes.queue_ms)
        .add_integer("episode", notes.episode)
        .add_integer("round", notes.round)
        .add_integer(fmt::format("began_by_{}", text_of(notes.beginning)).c_str(), 1);
    if (notes.previous_ms > 0) server.add_number("prev_total_ms", notes.previous_ms);
    reply.add_matrix("actions", actions).add_map("policy_timing", policy).add_map("server_timing", server);
    return web_message(reply.bytes());
  }

  WebMessage refusal(const ClientProblem& problem, int64_t) const override {
    const nlohmann::json text = {{"code", problem.code}, {"message", problem.sentence}, {"field", problem.field}};
    return web_message(text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), true);
  }
};

}  // namespace

std::unique_ptr<Dialect> openpi_dialect() { return std::make_unique<OpenpiDialect>(); }

}  // namespace physgen
