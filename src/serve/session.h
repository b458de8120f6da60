#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "net/web_message.h"
#include "serve/dialect.h"
#include "serve/served_episode.h"

namespace physgen {

/// What happened in a session, for those who watch: logs, metrics, recordings.
struct SessionEvent {
  std::shared_ptr<const Request> request = {};  ///< an observation that was answered, or an episode's end
  const Matrix* actions = nullptr;              ///< that were sent
  const RoundNotes* notes = nullptr;
  const ServedEpisode* episode = nullptr;
  const ClientProblem* problem = nullptr;  ///< instead: what was refused
};

/// Told of each event. @return what is to be done once the reply has been sent, or nothing
using Watch = std::function<std::function<void()>(const SessionEvent&)>;

/// The conversation with one client, message by message; it knows of no network. Used by one thread at a time.
class Session {
 public:
  struct Options {
    double idle_seconds = 0;
    uint64_t seed = 0;
  };
  struct Answer {
    std::optional<WebMessage> message;
    bool closes = false;
    std::function<void()> afterwards = {};  ///< to be done before the next message, when the reply has been sent
  };
  /// When a message came, and how long it waited.
  struct Arrival {
    double seconds = 0;  ///< of a clock
    double queue_ms = 0;
    double previous_ms = 0;
  };

  Session(ServedPolicy policy, std::shared_ptr<const ObservationKeys> keys, const Options& options, Watch watch);

  /// For a client that waits to be spoken to.
  WebMessage greet();
  /// Never throws for what a client sends.
  Answer receive(WebMessage message, const Arrival& arrival);

 private:
  Answer answer(const std::shared_ptr<const Request>& request, const Arrival& arrival);
  Answer act(const std::shared_ptr<const Request>& request, const Arrival& arrival);
  Answer refuse(const ClientProblem& problem, int64_t sequence);
  void begin(const Message& first);

  ServedPolicy policy_;
  std::shared_ptr<const ObservationKeys> keys_;
  Options options_;
  Watch watch_;
  /// From the first message on.
  struct Talk {
    std::unique_ptr<Dialect> dialect;
    ServedEpisode episode;
  };
  std::unique_ptr<Talk> talk_;
  bool greeted_ = false;
};

}  // namespace physgen
