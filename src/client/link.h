#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "net/connection.h"
#include "physgen/client/remote_policy.h"

namespace physgen {

/// A websocket to a server, and the thread that reads it, so that pings are answered whatever the robot does.
class Link {
 public:
  /// Tries until the server is reached or `connect_seconds` are over. Throws Error.
  Link(const std::string& url, const RemoteOptions& options);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Throws Error where the link is broken, as `receive` does.
  void send(const std::string& bytes);
  /// The next message, in time. Throws Error: then the link is broken.
  WebMessage receive();
  void close();
  /// Whether the server has gone.
  bool is_broken();

 private:
  bool connects(double seconds);
  asio::awaitable<void> connect(double seconds);
  asio::awaitable<void> read();
  [[noreturn]] void fail(const std::string& what, const std::string& got) const;
  /// In the thread of the context; throws what it throws.
  void run(asio::awaitable<void> work);

  std::string url_;
  WebAddress address_;
  RemoteOptions options_;
  std::unique_ptr<asio::ssl::context> tls_;
  asio::io_context context_{1};
  std::unique_ptr<Connection> connection_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<WebMessage> messages_;
  std::string broken_;  // why; empty: it is not
};

}  // namespace physgen
