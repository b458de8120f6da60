#include "robot_connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

#include "net/deadline.h"

namespace physgen {
namespace {

constexpr size_t kMostWaiting = 8;        // messages of a session
constexpr double kGreetingSeconds = 0.1;  // that a client has to speak first

enum CloseCode : uint16_t { kGoingAway = 1001, kPolicyViolation = 1008 };

}  // namespace

RobotConnection::RobotConnection(Connection& connection, asio::io_context& context, Session& session, WorkQueue& queue,
                                 Telemetry& telemetry, double messages_per_second)
    : connection_(connection),
      context_(context),
      session_(session),
      queue_(queue),
      telemetry_(telemetry),
      rate_(messages_per_second),
      allowance_(messages_per_second),
      changed_(context) {}

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

/// A bucket that fills with `rate_` messages a second, and holds those of one second.
bool RobotConnection::may_send_more() {
  const double now = clock_.seconds();
  allowance_ = std::min(rate_, allowance_ + (now - std::exchange(refilled_, now)) * rate_);
  if (allowance_ < 1 || inbox_.size() >= kMostWaiting) return false;
  allowance_ -= 1;
  return true;
}

asio::awaitable<void> RobotConnection::read() {
  try {
    while (!floods_) {
      std::optional<WebMessage> message = co_await connection_.read();
      if (!message) break;
      if (may_send_more()) {
        inbox_.push_back({std::move(*message), Stopwatch()});
      } else {
        floods_ = true;
      }
      wake();
    }
  } catch (const boost::system::system_error&) {  // the client has left, or broken a limit
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

asio::awaitable<void> RobotConnection::computed(std::function<void()> work) {
  bool done = false;
  queue_.add([this, &done, &work] {
    work();
    asio::post(context_, [this, &done] {
      done = true;
      wake();
    });
  });
  while (!done) co_await wait();
}

asio::awaitable<void> RobotConnection::answer(Arrived arrived) {
  Session::Answer answer;
  co_await computed([&] {
    answer = session_.receive(
        std::move(arrived.message),
        {.seconds = clock_.seconds(), .queue_ms = arrived.since.milliseconds(), .previous_ms = previous_ms_});
  });
  if (gone_) co_return;
  if (answer.message) co_await connection_.write(std::move(*answer.message));
  previous_ms_ = arrived.since.milliseconds();
  telemetry_.count_reply(previous_ms_);
  if (answer.afterwards) co_await computed(std::move(answer.afterwards));
  closed_ = answer.closes;
}

asio::awaitable<void> RobotConnection::answer_all() {
  co_await greet_who_waits();
  for (;;) {
    while (inbox_.empty() && !gone_ && !leaves_ && !floods_) co_await wait();
    if (inbox_.empty() || gone_) break;
    Arrived arrived = std::move(inbox_.front());
    inbox_.pop_front();
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
  try {
    co_await answer_all();
  } catch (const boost::system::system_error&) {  // the client has left, or not taken a reply in time
  }
  connection_.abort();
  while (reading_) co_await wait();
}

}  // namespace physgen
