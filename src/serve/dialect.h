#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/web_message.h"
#include "physgen/core/matrix.h"
#include "serve/client_error.h"
#include "serve/observation_keys.h"
#include "serve/request.h"
#include "wire/message.h"

namespace physgen {

/// What a client's messages mean, and how it is answered.
class Dialect {
 public:
  virtual ~Dialect() = default;

  /// Whether it asks for each action by itself, though the policy acts on a look now and then alone.
  virtual bool asks_each_step() const = 0;
  /// Throws ClientError or FormatError for a message that is not as agreed.
  virtual Request read(const Message& message, const ObservationKeys& keys) const = 0;
  /// Of a request's: nothing where the client expects none.
  virtual std::optional<WebMessage> welcome(const PolicyDescription& policy, int64_t sequence) const = 0;
  virtual WebMessage reply(const Matrix& actions, const RoundNotes& notes, int64_t sequence) const = 0;
  virtual WebMessage refusal(const ClientProblem& problem, int64_t sequence) const = 0;
};

/// openpi's: a client hears who serves it before it asks, then each observation is answered by a chunk of actions.
/// Source: openpi-client 0.1.2, websocket_client_policy.py.
std::unique_ptr<Dialect> openpi_dialect();

/// vla-evaluation-harness's: messages with a type, each observation is answered by one action.
/// Source: vla-eval 0.8.0, protocol/messages.py.
std::unique_ptr<Dialect> vla_eval_dialect();

/// By a client's first message.
std::unique_ptr<Dialect> dialect_of(const Message& first);

/// For a client that waits to be spoken to: openpi's first message, which is also a vla-evaluation-harness's hello, so
/// that a client of that kind whose own hello was on its way understands it as the answer.
WebMessage greeting(const PolicyDescription& policy);

}  // namespace physgen
