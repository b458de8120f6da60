#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ssl/context.hpp>

#include "net/asio.h"
#include "net/web_message.h"
#include "physgen/core/error.h"

namespace physgen {

/// What a peer may cost at most.
struct ConnectionLimits {
  size_t message_bytes = 16 << 20;
  double handshake_seconds = 10;  ///< from the connection to the end of the TLS and websocket handshakes
  double message_seconds = 30;    ///< from a message's first byte to its last
  double write_seconds = 10;      ///< until a message has been taken by the peer
  double silent_seconds = 60;     ///< without any sign of life; pings are sent meanwhile
};

/// The head of an HTTP request.
struct HttpRequest {
  std::string method, target, host, origin, authorization;
  bool upgrades = false;  ///< to a websocket
};

struct HttpResponse {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string challenge = {};  ///< WWW-Authenticate; empty: none
};

/// Where a websocket is: "ws://HOST:PORT/PATH", or wss.
struct WebAddress {
  bool tls = false;
  std::string host;
  std::string port;
  std::string path = "/";
};

/// Throws ConfigError for anything but ws://HOST[:PORT][/PATH], or wss.
WebAddress web_address_of(const std::string& url);

/// Whether a host is given by its number and not by its name.
bool is_ip_address(const std::string& host);
/// As a URL or a request's Host has it: IPv6 in brackets.
std::string host_in_url(const std::string& host);

/// A server has no room for the moment.
class ServerBusy : public Error {
 public:
  using Error::Error;
};

/// One end of a TCP connection that speaks HTTP first and then a websocket, with TLS or without. Its coroutines throw
/// boost::system::system_error where the peer leaves, breaks a rule or misses a deadline; then nothing but destruction
/// is left. One read and one write may be on their way at the same time.
class Connection {
 public:
  /// @param tls  none: without; must outlive it
  Connection(Tcp::socket socket, asio::ssl::context* tls, const ConnectionLimits& limits);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The server's end.
  /// After the TLS handshake.
  asio::awaitable<HttpRequest> read_request();
  asio::awaitable<void> respond(HttpResponse response);
  /// Becomes a websocket, after a request that `upgrades`.
  asio::awaitable<void> accept();

  // The client's end.
  /// @param authorization  header; empty: none
  /// Throws ServerBusy, or Error where the server answers that it will not.
  asio::awaitable<void> shake_hands(const WebAddress& address, const std::string& authorization);

  // Both.
  /// The next message; nothing where the peer has closed in order. Pings are answered meanwhile.
  asio::awaitable<std::optional<WebMessage>> read();
  asio::awaitable<void> write(WebMessage message);
  /// In order. @param code  of RFC 6455: 1000, 1001, 1008, 1011
  asio::awaitable<void> close(uint16_t code, const std::string& reason);
  /// At once: what is on its way fails.
  void abort();

  /// "127.0.0.1:43210"; for logs.
  const std::string& peer() const { return peer_; }

 private:
  struct Socket;
  std::unique_ptr<Socket> socket_;
  ConnectionLimits limits_;
  std::string peer_;
};

}  // namespace physgen
