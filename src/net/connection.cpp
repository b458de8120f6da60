#include "connection.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "net/deadline.h"
#include "net/stream.h"
#include "physgen/core/error.h"

namespace physgen {

namespace http = beast::http;
namespace websocket = beast::websocket;

namespace {

constexpr uint32_t kLongestHeader = 16 << 10;

std::string text_of(const Tcp::socket& socket) {
  beast::error_code error;
  const Tcp::endpoint peer = socket.remote_endpoint(error);
  return error ? "a peer that has left" : peer.address().to_string() + ":" + std::to_string(peer.port());
}

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

/// Of a server that answers a client's handshake with a page.
[[noreturn]] void refuse(const websocket::response_type& response, const WebAddress& address) {
  Problem problem{
      .what = "the server refuses the connection",
      .where = address.host + ":" + address.port,
      .got = std::to_string(response.result_int()) + " " + text_of(http::obsolete_reason(response.result()))};
  if (response.result() == http::status::service_unavailable) throw ServerBusy(problem);
  if (response.result() == http::status::unauthorized) problem.next_step = "bring the token of its --token-file";
  throw Error(problem);
}

websocket::stream_base::timeout timeouts(const ConnectionLimits& limits) {
  return {.handshake_timeout = milliseconds_of(limits.handshake_seconds),
          .idle_timeout = milliseconds_of(limits.silent_seconds),
          .keep_alive_pings = true};
}

}  // namespace

struct Connection::Socket {
  Socket(Tcp::socket socket, asio::ssl::context* tls) : websocket(std::move(socket), tls) {}

  Stream& stream() { return websocket.next_layer(); }

  websocket::stream<Stream, false> websocket;  // without compression
  beast::flat_buffer buffer;
  http::request<http::empty_body> request;
};

Connection::Connection(Tcp::socket socket, asio::ssl::context* tls, const ConnectionLimits& limits)
    : limits_(limits), peer_(text_of(socket)) {
  beast::error_code ignored;
  socket.set_option(Tcp::no_delay(true), ignored);
  socket_ = std::make_unique<Socket>(std::move(socket), tls);
  socket_->websocket.read_message_max(limits.message_bytes);
  socket_->websocket.auto_fragment(false);
  socket_->websocket.set_option(timeouts(limits));
}

Connection::~Connection() = default;

asio::awaitable<HttpRequest> Connection::read_request() {
  Stream& stream = socket_->stream();
  stream.tcp().expires_after(milliseconds_of(limits_.handshake_seconds));
  if (stream.tls()) co_await stream.tls()->async_handshake(asio::ssl::stream_base::server, asio::use_awaitable);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kLongestHeader);
  co_await http::async_read(stream, socket_->buffer, parser, asio::use_awaitable);
  const auto& request = socket_->request = parser.release();
  co_return HttpRequest{.method = text_of(request.method_string()),
                        .target = text_of(request.target()),
                        .host = text_of(request[http::field::host]),
                        .origin = text_of(request[http::field::origin]),
                        .authorization = text_of(request[http::field::authorization]),
                        .upgrades = websocket::is_upgrade(request)};
}

asio::awaitable<void> Connection::respond(HttpResponse answer) {
  http::response<http::string_body> response(http::int_to_status(answer.status), 11, std::move(answer.body));
  response.set(http::field::content_type, answer.type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Content-Security-Policy",
               "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self'; "
               "connect-src 'self'; frame-ancestors 'none'");
  if (!answer.challenge.empty()) response.set(http::field::www_authenticate, answer.challenge);
  response.keep_alive(false);
  response.prepare_payload();
  if (socket_->request.method() == http::verb::head) response.body().clear();
  Stream& stream = socket_->stream();
  stream.tcp().expires_after(milliseconds_of(limits_.write_seconds));
  co_await http::async_write(stream, response, asio::use_awaitable);
  beast::error_code ignored;
  if (stream.tls()) {
    co_await stream.tls()->async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
  } else {
    stream.tcp().socket().shutdown(Tcp::socket::shutdown_send, ignored);
  }
}

asio::awaitable<void> Connection::accept() {
  socket_->stream().tcp().expires_never();  // the websocket has deadlines of its own
  co_await socket_->websocket.async_accept(socket_->request, asio::use_awaitable);
}

asio::awaitable<void> Connection::shake_hands(const WebAddress& address, const std::string& authorization) {
  Stream& stream = socket_->stream();
  stream.tcp().expires_after(milliseconds_of(limits_.handshake_seconds));
  if (stream.tls()) {
    if (!is_ip_address(address.host)) SSL_set_tlsext_host_name(stream.tls()->native_handle(), address.host.c_str());
    co_await stream.tls()->async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  }
  stream.tcp().expires_never();
  if (!authorization.empty()) {
    socket_->websocket.set_option(websocket::stream_base::decorator(
        [authorization](websocket::request_type& request) { request.set(http::field::authorization, authorization); }));
  }
  websocket::response_type response;
  beast::error_code error;
  const std::string host = host_in_url(address.host) + ":" + address.port;
  co_await socket_->websocket.async_handshake(response, host, address.path,
                                              asio::redirect_error(asio::use_awaitable, error));
  if (error == websocket::error::upgrade_declined) refuse(response, address);
  if (error) throw beast::system_error(error);
}

asio::awaitable<std::optional<WebMessage>> Connection::read() {
  auto& websocket = socket_->websocket;
  beast::flat_buffer message;
  std::optional<Deadline> deadline;
  do {
    beast::error_code error;
    const size_t space = std::clamp<size_t>(message.size(), 64 << 10, 4 << 20);
    co_await websocket.async_read_some(message, space, asio::redirect_error(asio::use_awaitable, error));
    if (error == websocket::error::closed) co_return std::nullopt;
    if (error) throw beast::system_error(error);
    if (!deadline) deadline.emplace(websocket.get_executor(), limits_.message_seconds, [this] { abort(); });
  } while (!websocket.is_message_done());
  const auto* bytes = static_cast<const char*>(message.data().data());
  co_return WebMessage{{bytes, bytes + message.size()}, websocket.got_text()};
}

asio::awaitable<void> Connection::write(
    WebMessage message) {  // NOLINT(performance-unnecessary-value-param): it keeps it
  auto& websocket = socket_->websocket;
  const Deadline deadline(websocket.get_executor(), limits_.write_seconds, [this] { abort(); });
  websocket.text(message.text);
  co_await websocket.async_write(asio::buffer(message.bytes), asio::use_awaitable);
}

asio::awaitable<void> Connection::close(uint16_t code, const std::string& reason) {
  const Deadline deadline(socket_->websocket.get_executor(), limits_.write_seconds, [this] { abort(); });
  websocket::close_reason why(static_cast<websocket::close_code>(code), reason);
  beast::error_code ignored;  // the peer may be gone already
  co_await socket_->websocket.async_close(why, asio::redirect_error(asio::use_awaitable, ignored));
}

void Connection::abort() { socket_->stream().tcp().close(); }

}  // namespace physgen
