#include "link.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "core/stopwatch.h"
#include "net/deadline.h"
#include "net/tls.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

constexpr double kFirstPause = 0.1, kLongestPause = 2;  // seconds between two attempts
constexpr double kShortestAttempt = 1;                  // seconds: one that is cut short says nothing of the server

ConnectionLimits limits_of(const RemoteOptions& options) {
  return {.message_bytes = 64 << 20, .message_seconds = options.reply_seconds, .write_seconds = options.reply_seconds};
}

}  // namespace

Link::Link(const std::string& url, const RemoteOptions& options)
    : url_(url), address_(web_address_of(url)), options_(options) {
  if (address_.tls) tls_ = client_tls(options.authorities, address_.host);
  thread_ = std::thread([this] {
    const auto work = asio::make_work_guard(context_);
    context_.run();
  });
  try {
    const Stopwatch tried;
    for (double pause = kFirstPause; !connects(std::max(kShortestAttempt, options.connect_seconds - tried.seconds()));
         pause = std::min(pause * 2, kLongestPause)) {
      if (tried.seconds() + pause > options.connect_seconds) fail("the policy server cannot be reached", broken_);
      std::this_thread::sleep_for(std::chrono::duration<double>(pause));
    }
    broken_.clear();
  } catch (...) {
    context_.stop();
    thread_.join();
    throw;
  }
  asio::co_spawn(context_, read(), asio::detached);
}

Link::~Link() {
  asio::post(context_, [this] { connection_->abort(); });
  asio::post(context_, [this] { context_.stop(); });
  thread_.join();
}

void Link::run(asio::awaitable<void> work) { asio::co_spawn(context_, std::move(work), asio::use_future).get(); }

/// False where it may go better later: `broken_` says why.
bool Link::connects(double seconds) {
  try {
    run(connect(seconds));
    return true;
  } catch (const ServerBusy& busy) {
    broken_ = busy.problem().got;
  } catch (const boost::system::system_error& error) {
    broken_ = error.code().message();
    if (error.code().category() == asio::error::get_ssl_category())
      fail("the policy server cannot be trusted", broken_);
  }
  return false;
}

void Link::fail(const std::string& what, const std::string& got) const {
  throw Error({.what = what,
               .where = url_,
               .got = got,
               .expected = "",
               .next_step = "is physgen serve running there? Its log says more"});
}

asio::awaitable<void> Link::connect(double seconds) {
  Tcp::resolver resolver(context_);
  Tcp::socket socket(context_);
  {
    const Deadline deadline(context_.get_executor(), seconds, [&] {
      resolver.cancel();
      socket.close();
    });
    const auto found = co_await resolver.async_resolve(address_.host, address_.port, asio::use_awaitable);
    co_await asio::async_connect(socket, found, asio::use_awaitable);
  }
  ConnectionLimits limits = limits_of(options_);
  limits.handshake_seconds = seconds;
  connection_ = std::make_unique<Connection>(std::move(socket), tls_.get(), limits);
  std::string authorization;  // GCC 12 destroys a temporary of a condition in co_await twice
  if (!options_.token.empty()) authorization = "Api-Key " + options_.token;
  co_await connection_->shake_hands(address_, authorization);
}

asio::awaitable<void> Link::read() {
  std::string why = "it has closed the connection";
  try {
    while (auto message = co_await connection_->read()) {
      const std::lock_guard lock(mutex_);
      messages_.push_back(std::move(*message));
      arrived_.notify_one();
    }
  } catch (const boost::system::system_error& error) {
    why = error.code().message();
  }
  const std::lock_guard lock(mutex_);
  broken_ = why;
  arrived_.notify_one();
}

void Link::send(const std::string& bytes) {
  {
    const std::lock_guard lock(mutex_);
    if (!broken_.empty()) fail("the policy server has gone", broken_);
  }
  try {
    run(connection_->write(web_message(bytes)));
  } catch (const boost::system::system_error& error) {
    fail("the policy server takes no observation", error.code().message());
  }
}

WebMessage Link::receive() {
  std::unique_lock lock(mutex_);
  const auto time = std::chrono::duration<double>(options_.reply_seconds);
  if (!arrived_.wait_for(lock, time, [this] { return !messages_.empty() || !broken_.empty(); })) {
    broken_ = "no reply in time";
  }
  if (messages_.empty()) fail("the policy server has not replied", broken_);
  WebMessage message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

bool Link::is_broken() {
  const std::lock_guard lock(mutex_);
  return !broken_.empty();
}

void Link::close() { run(connection_->close(1000, "")); }

}  // namespace physgen
