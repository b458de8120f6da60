#pragma once

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <string>

#include "net/asio.h"

namespace physgen {

/// A TCP client that keeps to no protocol.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(context_) {
    socket_.connect({asio::ip::make_address("127.0.0.1"), port});
    timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }

  /// False where the other side has closed.
  bool send(const std::string& bytes) {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(bytes), error);
    return !error;
  }

  /// Until the other side closes, or ten seconds are over: then `closed()` is false.
  std::string receive_all() {
    std::string all;
    char piece[4096];
    for (;;) {
      const ssize_t length = ::recv(socket_.native_handle(), piece, sizeof(piece), 0);
      closed_ = length == 0 || (length < 0 && errno != EAGAIN);
      if (length <= 0) return all;
      all.append(piece, static_cast<size_t>(length));
    }
  }
  bool closed() const { return closed_; }

  /// Some bytes that come next.
  std::string receive() {
    char piece[4096];
    const ssize_t length = ::recv(socket_.native_handle(), piece, sizeof(piece), 0);
    return {piece, static_cast<size_t>(std::max<ssize_t>(0, length))};
  }

  /// The request that makes a websocket of it, and the answer.
  std::string shake_hands(const std::string& headers = "", const std::string& host = "127.0.0.1") {
    send("GET / HTTP/1.1\r\nHost: " + host +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
         "13\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         headers + "\r\n");
    return receive();
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_;
  bool closed_ = false;
};

/// A page.
inline std::string page(uint16_t port, const std::string& path, const std::string& headers = "",
                        const std::string& method = "GET") {
  RawClient client(port);
  client.send(method + " " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n" + headers + "\r\n");
  return client.receive_all();
}

}  // namespace physgen
