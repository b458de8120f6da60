#pragma once

#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include "net/asio.h"

namespace physgen {

namespace beast = boost::beast;

/// TCP, or TLS over it, as one stream type, so that what is built upon it is compiled once.
class Stream {
 public:
  using executor_type = beast::tcp_stream::executor_type;

  /// @param tls  none: plain TCP
  Stream(Tcp::socket socket, asio::ssl::context* tls) : tcp_(std::move(socket)) {
    if (tls) tls_.emplace(tcp_, *tls);
  }

  executor_type get_executor() { return tcp_.get_executor(); }
  beast::tcp_stream& tcp() { return tcp_; }
  /// Nothing without TLS.
  asio::ssl::stream<beast::tcp_stream&>* tls() { return tls_ ? &*tls_ : nullptr; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code, size_t)>(
        [this](auto handler, const Buffers& into) {
          if (tls_) {
            tls_->async_read_some(into, std::move(handler));
          } else {
            tcp_.async_read_some(into, std::move(handler));
          }
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(beast::error_code, size_t)>(
        [this](auto handler, const Buffers& from) {
          if (tls_) {
            tls_->async_write_some(from, std::move(handler));
          } else {
            tcp_.async_write_some(from, std::move(handler));
          }
        },
        token, buffers);
  }

 private:
  beast::tcp_stream tcp_;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls_;
};

// What Beast's websocket asks of a stream at its end.
template <class Handler>
void async_teardown(beast::role_type role, Stream& stream, Handler&& handler) {
  if (stream.tls()) {
    stream.tls()->async_shutdown(std::forward<Handler>(handler));
  } else {
    using beast::websocket::async_teardown;
    async_teardown(role, stream.tcp().socket(), std::forward<Handler>(handler));
  }
}
inline void beast_close_socket(Stream& stream) { stream.tcp().close(); }

}  // namespace physgen
