#include <physgen/serve/policy_server.h>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <future>
#include <limits>
#include <map>
#include <thread>

#include "core/stopwatch.h"
#include "data/lerobot.h"
#include "files/folder.h"
#include "net/deadline.h"
#include "net/tls.h"
#include "physgen/core/error.h"
#include "serve/access.h"
#include "serve/pages.h"
#include "serve/robot_connection.h"
#include "serve/run_on.h"
#include "serve/session_recorder.h"

namespace physgen {
namespace {

constexpr int64_t kMostStrangers = 64;  // connections that have not said what they want

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

/// Now, and not when the first session is over.
void check_recordings(const ServerOptions& options) {
  if (options.recordings.empty()) return;
  require_lerobot(options.recordings);
  create_folders(options.recordings);
  const PictureStore try_it(options.recordings);
}

/// Of several addresses one of IPv4, to which clients of "localhost" turn first.
Tcp::endpoint address_of(asio::io_context& context, const ServerOptions& options) {
  boost::system::error_code error;
  const auto found = Tcp::resolver(context).resolve(options.host, std::to_string(options.port), error);
  if (error) {
    throw ConfigError({.what = "there is no such address", .where = "--host " + options.host, .got = error.message()});
  }
  const auto v4 =
      std::find_if(found.begin(), found.end(), [](const auto& one) { return one.endpoint().address().is_v4(); });
  return v4 == found.end() ? found.begin()->endpoint() : v4->endpoint();
}

Tcp::acceptor listen(asio::io_context& context, const ServerOptions& options) {
  try {
    return Tcp::acceptor(context, address_of(context, options));
  } catch (const boost::system::system_error& failure) {
    throw Error({.what = "the server cannot listen there",
                 .where = fmt::format("--host {} --port {}", options.host, options.port),
                 .got = failure.code().message(),
                 .expected = "",
                 .next_step = "choose another --port, or end what uses it"});
  }
}

/// Stands in a list as long as it lives.
template <class List, class Entry>
class Listed {
 public:
  Listed(List& list, Entry entry) : list_(list), entry_(entry) { list_.push_back(entry_); }
  ~Listed() { std::erase(list_, entry_); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;

 private:
  List& list_;
  Entry entry_;
};

}  // namespace

struct PolicyServer::Service {
  Service(const ServedPolicy& served, const ServerOptions& how)
      : options(how),
        access(how),
        tls(tls_of(how)),
        policy(std::make_shared<const ServedPolicy>(served)),
        keys(std::make_shared<const ObservationKeys>(policy->description, how.keys)),
        acceptor(listen(context, how)),
        port(acceptor.local_endpoint().port()),
        queue(how.computations) {
    check_recordings(how);
  }

  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(Tcp::socket socket);
  asio::awaitable<void> answer(Connection& connection);
  asio::awaitable<HttpRequest> admitted(Connection& connection);
  std::string metrics_of(const ServedPolicy& served, int64_t sessions);
  asio::awaitable<void> run_session(Connection& connection);
  std::optional<HttpResponse> refusal_of(const HttpRequest& request);
  std::shared_ptr<SessionRecorder> recorder_of(int64_t session);
  /// In the context's thread; waits for it.
  template <class Work>
  void run(Work work);
  void wait_until_left(double seconds = std::numeric_limits<double>::infinity());

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
  std::vector<RobotConnection*> robots;
  std::vector<Connection*> connections;  // all
  std::deque<Connection*> strangers;     // those of them that have not said what they want, the oldest first
  int64_t next_session = 0;
  bool draining = false;
  WorkQueue queue, pages{1}, recording{1};
  std::thread thread;
};

template <class Work>
void PolicyServer::Service::run(Work work) {
  const auto done = std::make_shared<std::promise<void>>();  // which outlives both threads' use of it
  asio::post(context, [done, work] {
    work();
    done->set_value();
  });
  done->get_future().wait();
}

/// Until there is no connection, or some seconds are over.
void PolicyServer::Service::wait_until_left(double seconds) {
  const Stopwatch waited;
  for (bool left = false; !left && waited.seconds() < seconds;) {
    run([this, &left] { left = connections.empty(); });
    if (!left) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

asio::awaitable<void> PolicyServer::Service::accept_all() {
  while (acceptor.is_open()) {
    boost::system::error_code error;
    Tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      asio::co_spawn(context, serve(std::move(socket)), asio::detached);
      continue;
    }
    asio::steady_timer pause(context, std::chrono::milliseconds(100));  // no descriptors are left
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> PolicyServer::Service::serve(Tcp::socket socket) {
  Connection connection(std::move(socket), tls.get(), limits_of(options));
  const Listed listed(connections, &connection);
  try {
    co_await answer(connection);
  } catch (const boost::system::system_error& error) {  // it has left, or broken a rule of HTTP
    spdlog::debug("{}: {}", connection.peer(), error.what());
    telemetry.count_refused("handshake");
  } catch (const std::exception& error) {
    spdlog::error("the connection to {} failed: {}", connection.peer(), error.what());
  }
}

/// The request of a connection. Where too many have not made theirs, the oldest of them is sent away: those that come
/// are not kept out by those that wait.
asio::awaitable<HttpRequest> PolicyServer::Service::admitted(Connection& connection) {
  if (std::ssize(strangers) >= kMostStrangers) {
    strangers.front()->abort();
    strangers.pop_front();
    telemetry.count_refused("too_many_connections");
  }
  const Listed stranger(strangers, &connection);
  co_return co_await connection.read_request();
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

std::string PolicyServer::Service::metrics_of(const ServedPolicy& served, int64_t sessions) {
  return telemetry.text({.sessions = sessions,
                         .waiting = queue.waiting(),
                         .counters = served.counters ? served.counters() : std::map<std::string, int64_t>()});
}

asio::awaitable<void> PolicyServer::Service::answer(Connection& connection) {
  const HttpRequest request = co_await admitted(connection);
  if (std::optional<HttpResponse> health = health_page(request, draining)) {
    co_return co_await connection.respond(std::move(*health));
  }
  if (std::optional<HttpResponse> refusal = refusal_of(request)) {
    telemetry.count_refused(refusal->body.substr(0, refusal->body.find_first_of(":\n")));
    co_return co_await connection.respond(std::move(*refusal));
  }
  if (request.upgrades) co_return co_await run_session(connection);
  HttpResponse page;
  const auto make = [served = policy, sessions = std::ssize(robots), this, &request, &page] {
    page = page_of(request, board, *served, [&] { return metrics_of(*served, sessions); });
  };
  co_await run_on(pages, context, make);
  co_await connection.respond(std::move(page));
}

std::shared_ptr<SessionRecorder> PolicyServer::Service::recorder_of(int64_t session) {
  if (options.recordings.empty()) return nullptr;
  const auto now = fmt::localtime(std::time(nullptr));
  const std::string name = fmt::format("{:%Y-%m-%d_%H-%M-%S}_session-{:04}", now, session);
  return std::make_shared<SessionRecorder>(policy->description, options.recordings, name, options.control_rate,
                                           recording);
}

asio::awaitable<void> PolicyServer::Service::run_session(Connection& connection) {
  const int64_t number = next_session++;
  const auto entry = board.add(number, connection.peer(), policy->description.cameras);
  const std::shared_ptr<SessionRecorder> recorder = recorder_of(number);
  Session session(*policy, keys, {.idle_seconds = options.idle_seconds, .seed = options.seed},
                  [this, entry, recorder](const SessionEvent& event) {
                    if (recorder) recorder->watch(event);
                    if (event.notes && event.episode->looked()) telemetry.count_round(*event.notes);
                    if (event.problem) telemetry.count_error(event.problem->code);
                    return entry->watch(event);
                  });
  RobotConnection robot(connection, context, session, queue, telemetry,
                        {.messages_per_second = options.messages_per_second, .waiting_bytes = options.message_bytes});
  const Listed listed(robots, &robot);
  telemetry.count_session();
  try {
    co_await connection.accept();
    spdlog::info("session {} from {} begins", number, connection.peer());
    co_await robot.run();
  } catch (const boost::system::system_error&) {  // it has left in the handshake
  } catch (const std::exception& error) {
    spdlog::error("session {} failed: {}", number, error.what());
  }
  board.remove(number);
  if (recorder) recorder->finish();
  spdlog::info("session {} ends: {}", number, entry->summary());
}

void check(const ServerOptions& options) {
  const Access access(options);
  tls_of(options);
  check_recordings(options);
}

PolicyServer::PolicyServer(const ServedPolicy& policy, const ServerOptions& options)
    : service_(std::make_unique<Service>(policy, options)) {
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
  service_->recording.finish();
}

uint16_t PolicyServer::port() const { return service_->port; }

std::string PolicyServer::url() const {
  return fmt::format("{}://{}:{}", service_->tls ? "wss" : "ws", host_in_url(service_->options.host), port());
}

void PolicyServer::replace(const ServedPolicy& policy) {
  auto keys = std::make_shared<const ObservationKeys>(policy.description, service_->options.keys);
  auto served = std::make_shared<const ServedPolicy>(policy);
  asio::post(service_->context, [this, keys, served] {
    service_->keys = keys;
    service_->policy = served;
  });
}

void PolicyServer::drain(double seconds) {
  Service& service = *service_;
  service.run([&] {
    service.draining = true;
    for (RobotConnection* robot : service.robots) robot->leave();
  });
  service.wait_until_left(seconds);
  service.run([&] {
    service.acceptor.close();
    for (Connection* connection : service.connections) connection->abort();
  });
  service.wait_until_left();  // a round that is computed ends first
}

}  // namespace physgen
