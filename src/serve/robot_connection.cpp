#include "robot_connection.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "net/deadline.h"
#include "serve/run_on.h"

namespace physgen {
namespace {

constexpr size_t kMostWaiting = 8;        // messages of a session
constexpr double kGreetingSeconds = 0.1;  // that a client has to speak first

enum CloseCode : uint16_t { kGoingAway = 1001, kPolicyViolation = 1008 };

}  // namespace

RobotConnection::RobotConnection(Connection& connection, asio::io_context& context, Session& session, WorkQueue& queue,
                                 Telemetry& telemetry, const Limits& limits)
    : connection_(connection),
      context_(context),
      session_(session),
      queue_(queue),
      telemetry_(telemetry),
      limits_(limits),
      allowance_(limits.messages_per_second),
      changed_(context),
      room_(context) {}

void RobotConnection::leave() {
  leaves_ = true;
  wake();
}

/// Until something changes, or some seconds have passed; 0: however long that takes.
asio::awaitable<void> RobotConnection::wait(double seconds) {
  boost::system::error_code ignored;
  if (seconds > 0) {
    changed_.expires_after(milliseconds_of(seconds));
  } else {
    changed_.expires_at(asio::steady_timer::time_point::max());
  }
  co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// What is not taken waits at the client's.
asio::awaitable<void> RobotConnection::wait_for_room() {
  boost::system::error_code ignored;
  const auto full = [this] { return inbox_.size() >= kMostWaiting || waiting_bytes_ > limits_.waiting_bytes; };
  while (full() && !gone_ && !closed_) {
    room_.expires_at(asio::steady_timer::time_point::max());
    co_await room_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// A bucket fills with a second's messages, and each message takes one out.
bool RobotConnection::is_too_fast() {
  const double now = clock_.seconds(), rate = limits_.messages_per_second;
  allowance_ = std::min(rate, allowance_ + (now - std::exchange(refilled_, now)) * rate);
  allowance_ -= 1;
  return allowance_ < 0;
}

asio::awaitable<void> RobotConnection::read_all() {
  while (!closed_) {
    co_await wait_for_room();
    std::optional<WebMessage> message = co_await connection_.read();
    if (!message) break;
    floods_ = is_too_fast();
    if (floods_) co_return;
    waiting_bytes_ += message->bytes.size();
    inbox_.push_back({std::move(*message), clock_.seconds()});
    wake();
  }
}

asio::awaitable<void> RobotConnection::read() {
  try {
    co_await read_all();
  } catch (const std::exception&) {  // the client has left, or broken a limit
  }
  gone_ = !floods_;
  reading_ = false;
  wake();
}

/// openpi's clients wait to hear who serves them; vla-evaluation-harness's speak first.
asio::awaitable<void> RobotConnection::greet_who_waits() {
  const Stopwatch waited;
  while (inbox_.empty() && !gone_ && !leaves_ && waited.seconds() < kGreetingSeconds) {
    co_await wait(kGreetingSeconds - waited.seconds() + 0.001);
  }
  if (inbox_.empty() && !gone_ && !leaves_) co_await connection_.write(session_.greet());
}

asio::awaitable<void> RobotConnection::answer(
    Arrived arrived) {  // NOLINT(performance-unnecessary-value-param): it keeps it
  Session::Answer answer;
  co_await run_on(queue_, context_, [&] {
    if (gone_) return;  // nobody is left to be answered
    const double queue_ms = (clock_.seconds() - arrived.seconds) * 1000;
    answer = session_.receive(std::move(arrived.message),
                              {.seconds = arrived.seconds, .queue_ms = queue_ms, .previous_ms = previous_ms_});
  });
  if (gone_) co_return;
  if (answer.message) co_await connection_.write(std::move(*answer.message));
  previous_ms_ = (clock_.seconds() - arrived.seconds) * 1000;
  telemetry_.count_reply(previous_ms_);
  if (answer.afterwards) co_await run_on(queue_, context_, std::move(answer.afterwards));
  closed_ = answer.closes;
}

asio::awaitable<void> RobotConnection::answer_all() {
  co_await greet_who_waits();
  for (;;) {
    while (inbox_.empty() && !gone_ && !leaves_ && !floods_) co_await wait();
    if (inbox_.empty() || gone_) break;
    Arrived arrived = std::move(inbox_.front());
    inbox_.pop_front();
    waiting_bytes_ -= arrived.message.bytes.size();
    room_.cancel();
    co_await answer(std::move(arrived));
    if (closed_) co_return co_await connection_.close(kPolicyViolation, "");
  }
  if (floods_) {
    telemetry_.count_error("too_many_messages");
    co_await connection_.close(kPolicyViolation, "too many messages");
  } else if (!gone_) {
    co_await connection_.close(kGoingAway, "the server goes");
  }
}

asio::awaitable<void> RobotConnection::run() {
  reading_ = true;
  asio::co_spawn(context_, read(), asio::detached);
  std::exception_ptr failure;
  try {
    co_await answer_all();
  } catch (const boost::system::system_error&) {  // the client has left, or not taken a reply in time
  } catch (...) {
    failure = std::current_exception();
  }
  closed_ = true;
  connection_.abort();
  room_.cancel();
  while (reading_) co_await wait();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace physgen
