#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <deque>

#include "core/stopwatch.h"
#include "net/connection.h"
#include "serve/session.h"
#include "serve/telemetry.h"
#include "serve/work_queue.h"

namespace physgen {

/// A session over a connection: messages are taken while others are computed, and answered in their order. Used in the
/// thread of its context alone.
class RobotConnection {
 public:
  struct Limits {
    double messages_per_second = 1000;
    size_t waiting_bytes = 16 << 20;  ///< of messages that wait, beside the one that comes
  };

  RobotConnection(Connection& connection, asio::io_context& context, Session& session, WorkQueue& queue,
                  Telemetry& telemetry, const Limits& limits);

  /// Until the client leaves or is sent away. Throws what answering a message threw.
  asio::awaitable<void> run();
  /// What has been asked is answered, and the client told that the server goes.
  void leave();

 private:
  struct Arrived {
    WebMessage message;
    double seconds;  // by clock_
  };

  asio::awaitable<void> read();
  asio::awaitable<void> read_all();
  asio::awaitable<void> answer_all();
  asio::awaitable<void> greet_who_waits();
  asio::awaitable<void> answer(Arrived arrived);
  asio::awaitable<void> wait(double seconds = 0);
  asio::awaitable<void> wait_for_room();
  void wake() { changed_.cancel(); }
  bool is_too_fast();

  Connection& connection_;
  asio::io_context& context_;
  Session& session_;
  WorkQueue& queue_;
  Telemetry& telemetry_;
  Limits limits_;
  double allowance_;  // messages
  const Stopwatch clock_;
  double refilled_ = 0, previous_ms_ = 0;
  std::deque<Arrived> inbox_;
  size_t waiting_bytes_ = 0;
  asio::steady_timer changed_, room_;
  std::atomic<bool> gone_ = false;
  bool leaves_ = false, floods_ = false, closed_ = false, reading_ = false;
};

}  // namespace physgen
