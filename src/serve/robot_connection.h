#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>

#include "net/connection.h"
#include "physgen/core/stopwatch.h"
#include "serve/session.h"
#include "serve/telemetry.h"
#include "serve/work_queue.h"

namespace physgen {

/// A session over a connection: messages are taken while others are computed, and answered in their order. Used in the
/// thread of its executor alone.
class RobotConnection {
 public:
  RobotConnection(Connection& connection, asio::io_context& context, Session& session, WorkQueue& queue,
                  Telemetry& telemetry, double messages_per_second);

  /// Until the client leaves or is sent away.
  asio::awaitable<void> run();
  /// What has been asked is answered, and the client told that the server goes.
  void leave();

 private:
  struct Arrived {
    WebMessage message;
    Stopwatch since;
  };

  asio::awaitable<void> read();
  asio::awaitable<void> answer_all();
  asio::awaitable<void> greet_who_waits();
  asio::awaitable<void> answer(Arrived arrived);
  /// Does something in a thread of the queue.
  asio::awaitable<void> computed(std::function<void()> work);
  asio::awaitable<void> wait(double seconds = 0);
  void wake() { changed_.cancel(); }
  bool may_send_more();

  Connection& connection_;
  asio::io_context& context_;
  Session& session_;
  WorkQueue& queue_;
  Telemetry& telemetry_;
  double rate_, allowance_;
  Stopwatch clock_;
  double refilled_ = 0, previous_ms_ = 0;
  std::deque<Arrived> inbox_;
  asio::steady_timer changed_;
  bool gone_ = false, leaves_ = false, floods_ = false, closed_ = false, reading_ = false;
};

}  // namespace physgen
