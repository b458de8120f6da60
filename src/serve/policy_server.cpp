#include <physgen/serve/policy_server.h>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <future>
#include <map>
#include <set>
#include <thread>

#include "net/deadline.h"
#include "net/tls.h"
#include "physgen/core/error.h"
#include "physgen/core/stopwatch.h"
#include "serve/access.h"
#include "serve/pages.h"
#include "serve/robot_connection.h"

namespace physgen {
namespace {

constexpr int64_t kMostPages = 64;  // connections that are no sessions

ConnectionLimits limits_of(const ServerOptions& options) {
  return {.message_bytes = options.message_bytes,
          .handshake_seconds = options.handshake_seconds,
          .message_seconds = options.message_seconds,
          .write_seconds = options.write_seconds,
          .silent_seconds = options.silent_seconds};
}

std::unique_ptr<asio::ssl::context> tls_of(const ServerOptions& options) {
  if (options.certificate.empty() && options.key.empty()) return nullptr;
  if (!options.certificate.empty() && !options.key.empty()) return server_tls(options.certificate, options.key);
  throw ConfigError({.what = "TLS takes a certificate and its private key",
                     .where = options.key.empty() ? "--cert" : "--key",
                     .got = "one of them",
                     .expected = "--cert FILE --key FILE"});
}

Tcp::acceptor listen(asio::io_context& context, const ServerOptions& options) {
  const std::string where = fmt::format("--host {} --port {}", options.host, options.port);
  boost::system::error_code error;
  const auto found = Tcp::resolver(context).resolve(options.host, std::to_string(options.port), error);
  if (error) throw ConfigError({.what = "there is no such address", .where = where, .got = error.message()});
  try {
    return Tcp::acceptor(context, found.begin()->endpoint());
  } catch (const boost::system::system_error& failure) {
    throw Error({.what = "the server cannot listen there",
                 .where = where,
                 .got = failure.code().message(),
                 .expected = "",
                 .next_step = "choose another --port, or end what uses it"});
  }
}

}  // namespace

struct PolicyServer::Service {
  Service(ServedPolicy served, const ServerOptions& how)
      : options(how),
        access(how),
        tls(tls_of(how)),
        policy(std::make_shared<const ServedPolicy>(std::move(served))),
        keys(std::make_shared<const ObservationKeys>(policy->description, how.keys)),
        acceptor(listen(context, how)),
        port(acceptor.local_endpoint().port()),
        queue(how.computations) {}

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(Tcp::socket socket);
  asio::awaitable<void> answer(Connection& connection);
  asio::awaitable<void> run_session(Connection& connection);
  std::optional<HttpResponse> refusal_of(const HttpRequest& request);
  void spawn(Tcp::socket socket);

  ServerOptions options;
  Access access;
  std::unique_ptr<asio::ssl::context> tls;
  std::shared_ptr<const ServedPolicy> policy;
  std::shared_ptr<const ObservationKeys> keys;
  asio::io_context context{1};
  Tcp::acceptor acceptor;
  uint16_t port;
  Telemetry telemetry;
  SessionBoard board;
  std::set<RobotConnection*> robots;
  std::set<Connection*> connections;
  int64_t next_session = 0;
  bool draining = false;
  WorkQueue queue;
  std::thread thread;
};

asio::awaitable<void> PolicyServer::Service::accept_all() {
  for (;;) {
    boost::system::error_code error;
    Tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (!error && std::ssize(connections) < options.sessions + kMostPages) {
      spawn(std::move(socket));
      continue;
    }
    if (!error) {
      telemetry.count_refused("too_many_connections");
      continue;
    }
    asio::steady_timer pause(context, std::chrono::milliseconds(100));  // no descriptors are left
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void PolicyServer::Service::spawn(Tcp::socket socket) {
  asio::co_spawn(context, serve(std::move(socket)), [](const std::exception_ptr& failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      spdlog::error("a connection failed: {}", error.what());
    }
  });
}

asio::awaitable<void> PolicyServer::Service::serve(Tcp::socket socket) {
  Connection connection(std::move(socket), tls.get(), limits_of(options));
  connections.insert(&connection);
  try {
    co_await answer(connection);
  } catch (const boost::system::system_error& error) {  // it has left, or broken a rule of HTTP
    spdlog::debug("{}: {}", connection.peer(), error.what());
    telemetry.count_refused("handshake");
  }
  connections.erase(&connection);
}

std::optional<HttpResponse> PolicyServer::Service::refusal_of(const HttpRequest& request) {
  if (!access.comes_from_here(request)) return HttpResponse{403, "text/plain", "foreign_origin\n"};
  if (!access.knows(request)) {
    return HttpResponse{401, "text/plain", "wrong_key: bring Authorization: Api-Key TOKEN\n",
                        R"(Basic realm="physgen")"};
  }
  if (!request.upgrades) return std::nullopt;
  if (draining) return HttpResponse{503, "text/plain", "draining\n"};
  if (std::ssize(robots) >= options.sessions) return HttpResponse{503, "text/plain", "too_many_sessions\n"};
  return std::nullopt;
}

asio::awaitable<void> PolicyServer::Service::answer(Connection& connection) {
  const HttpRequest request = co_await connection.read_request();
  if (std::optional<HttpResponse> health = health_page(request, draining)) {
    co_return co_await connection.respond(std::move(*health));
  }
  if (std::optional<HttpResponse> refusal = refusal_of(request)) {
    telemetry.count_refused(refusal->body.substr(0, refusal->body.find_first_of(":\n")));
    co_return co_await connection.respond(std::move(*refusal));
  }
  if (request.upgrades) co_return co_await run_session(connection);
  const auto metrics = [this] {
    return telemetry.text({.sessions = std::ssize(robots),
                           .waiting = queue.waiting(),
                           .counters = policy->counters ? policy->counters() : std::map<std::string, int64_t>()});
  };
  co_await connection.respond(page_of(request, board, *policy, metrics));
}

asio::awaitable<void> PolicyServer::Service::run_session(Connection& connection) {
  const int64_t number = next_session++;
  const auto entry = board.add(number, connection.peer());
  Session session(*policy, keys, {.idle_seconds = options.idle_seconds, .seed = options.seed},
                  [this, entry](const SessionEvent& event) {
                    if (event.notes && event.episode->looked()) telemetry.count_round(*event.notes);
                    if (event.problem) telemetry.count_error(event.problem->code);
                    return entry->watch(event);
                  });
  RobotConnection robot(connection, context, session, queue, telemetry, options.messages_per_second);
  robots.insert(&robot);
  telemetry.count_session();
  try {
    co_await connection.accept();
    spdlog::info("session {} from {} begins", number, connection.peer());
    co_await robot.run();
  } catch (const boost::system::system_error&) {  // it has left in the handshake
  }
  robots.erase(&robot);
  board.remove(number);
  spdlog::info("session {} ends: {}", number, entry->summary());
}

PolicyServer::PolicyServer(ServedPolicy policy, const ServerOptions& options)
    : service_(std::make_unique<Service>(std::move(policy), options)) {
  asio::co_spawn(service_->context, service_->accept_all(), asio::detached);
  service_->thread = std::thread([this] {
    const auto work = asio::make_work_guard(service_->context);  // until it is stopped
    service_->context.run();
  });
}

PolicyServer::~PolicyServer() {
  drain(0);
  service_->context.stop();
  service_->thread.join();
}

uint16_t PolicyServer::port() const { return service_->port; }

std::string PolicyServer::url() const {
  const std::string& host = service_->options.host;
  const bool v6 = host.find(':') != host.npos;
  return fmt::format("{}://{}:{}", service_->tls ? "wss" : "ws", v6 ? "[" + host + "]" : host, port());
}

void PolicyServer::replace(ServedPolicy policy) {
  auto keys = std::make_shared<const ObservationKeys>(policy.description, service_->options.keys);
  auto served = std::make_shared<const ServedPolicy>(std::move(policy));
  asio::post(service_->context, [this, keys, served] {
    service_->keys = keys;
    service_->policy = served;
  });
}

void PolicyServer::drain(double seconds) {
  const auto post = [this](auto work) {
    std::promise<bool> done;
    asio::post(service_->context, [&] { done.set_value(work()); });
    return done.get_future().get();
  };
  post([this] {
    service_->draining = true;
    service_->acceptor.close();
    for (RobotConnection* robot : service_->robots) robot->leave();
    return true;
  });
  const auto empty = [this] { return service_->connections.empty(); };
  for (const Stopwatch waited; !post(empty) && waited.seconds() < seconds;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  post([this] {
    for (Connection* connection : service_->connections) connection->abort();
    return true;
  });
  while (!post(empty))
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // a round that is computed ends first
}

}  // namespace physgen
