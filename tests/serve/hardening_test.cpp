#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "core/stopwatch.h"
#include "net/connection.h"
#include "physgen/client/remote_policy.h"
#include "serve/fake_policy.h"
#include "serve/raw_client.h"
#include "support/mutated.h"
#include "support/number_from_environment.h"
#include "support/problem_of.h"
#include "support/process_usage.h"
#include "wire/message_writer.h"

namespace physgen {
namespace {

ServerOptions strict() {
  ServerOptions options;
  options.port = 0;
  options.sessions = 300;
  options.handshake_seconds = 0.5;
  options.message_seconds = 0.5;
  options.write_seconds = 0.5;
  options.silent_seconds = 1;
  options.message_bytes = 1 << 20;
  return options;
}

/// Acts as long as it lives, and checks each reply.
class HonestClient {
 public:
  explicit HonestClient(const std::string& url) : thread_([this, url] { act(url); }) { wait_for_rounds(1); }
  ~HonestClient() {
    wait_for_rounds(rounds_ + 1);  // it still acts
    ended_ = true;
    thread_.join();
  }

 private:
  void act(const std::string& url) {
    RemotePolicy remote(url);
    RememberingRobot local;
    remote.reset("push", 5);
    local.reset("push", 5);
    Matrix executed;
    for (; !ended_; ++rounds_) {
      const Observation seen{{picture(static_cast<uint8_t>(rounds_ % 200)), picture(9)}, {}};
      const Matrix expected = local.act(seen, executed).topRows(3);
      ASSERT_EQ(remote.act(seen, executed), expected);
      executed = expected;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  void wait_for_rounds(int64_t rounds) {
    for (int tries = 0; rounds_ < rounds && tries < 1000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_GE(rounds_, rounds);
  }

  std::atomic<bool> ended_ = false;
  std::atomic<int64_t> rounds_ = 0;
  std::thread thread_;
};

/// A websocket that says what it is told to.
class Websocket {
 public:
  explicit Websocket(uint16_t port) : thread_([this] { context_.run(); }) {
    Tcp::socket socket(context_);
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    connection_ = std::make_unique<Connection>(std::move(socket), nullptr, ConnectionLimits());
    const WebAddress address{.host = "127.0.0.1", .port = std::to_string(port)};
    run(connection_->shake_hands(address, ""));
  }
  ~Websocket() {
    asio::post(context_, [this] { connection_->abort(); });
    asio::post(context_, [this] { context_.stop(); });
    thread_.join();
  }
  Websocket(const Websocket&) = delete;
  Websocket& operator=(const Websocket&) = delete;

  /// Nothing where the other side closes.
  std::optional<WebMessage> ask(const std::string& bytes) {
    try {
      run(connection_->write(web_message(bytes)));
      return run(connection_->read());
    } catch (const boost::system::system_error&) {
      return std::nullopt;
    }
  }
  std::optional<WebMessage> read() { return run(connection_->read()); }

 private:
  template <class Result>
  Result run(asio::awaitable<Result> work) {
    return asio::co_spawn(context_, std::move(work), asio::use_future).get();
  }

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(context_);
  std::unique_ptr<Connection> connection_;
  std::thread thread_;
};

class Hardening : public testing::Test {
 protected:
  static void SetUpTestSuite() { spdlog::set_level(spdlog::level::off); }
  static void TearDownTestSuite() { spdlog::set_level(spdlog::level::info); }

  PolicyServer server{fake_policy(), strict()};
};

std::string openpi_message() {
  MessageWriter message;
  message.add_image("observation/image", picture(1)).add_image("observation/wrist_image", picture(2));
  message.add_numbers("observation/state", {1, 2})
      .add_text("prompt", "push")
      .add_flag("reset", true)
      .add_unsigned("seed", 3);
  return message.bytes();
}

std::string harness_message() {
  MessageWriter images(ArrayKeys::text), payload(ArrayKeys::text), message(ArrayKeys::text);
  images.add_image("agentview", picture(1)).add_image("wrist", picture(2));
  payload.add_map("images", images).add_text("task_description", "push");
  message.add_text("type", "observation").add_map("payload", payload).add_integer("seq", 2).add_number("timestamp", 1);
  return message.bytes();
}

/// A frame that is masked with zeros.
std::string frame_of(const std::string& bytes) {
  std::string frame = "\x82\xfe";
  frame += static_cast<char>(bytes.size() >> 8);
  frame += static_cast<char>(bytes.size() & 255);
  return frame + std::string(4, '\0') + bytes;
}

// PHYSGEN_MALFORMED=100000 for the long run.
TEST_F(Hardening, MalformedMessagesAreAnsweredAndHarmNobody) {
  const HonestClient honest(server.url());
  std::mt19937 random(1);
  const int64_t count = number_from_environment("PHYSGEN_MALFORMED", 2000), before = open_descriptors();
  std::unique_ptr<Websocket> websocket;
  int64_t refused = 0, closed = 0, memory = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (i == count / 4) memory = resident_bytes();
    if (!websocket || i % 64 == 0) {
      websocket.reset();
      websocket = std::make_unique<Websocket>(server.port());
    }
    const std::string message = mutated(i % 128 < 64 ? openpi_message() : harness_message(), random);
    if (const auto answer = websocket->ask(message)) {
      refused +=
          answer->text || std::string(answer->bytes.begin(), answer->bytes.end()).find("error") != std::string::npos;
    } else {
      ++closed;
      websocket.reset();
    }
  }
  websocket.reset();
  EXPECT_TRUE(kSanitized || resident_bytes() - memory < 16 << 20) << memory << " to " << resident_bytes();
  EXPECT_GT(refused, count / 4);
  EXPECT_LT(closed, count / 50 + 10);
  for (int tries = 0; open_descriptors() > before && tries < 200; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_LE(open_descriptors(), before);
}

TEST_F(Hardening, BytesThatAreNoWebsocketEndTheConnection) {
  const HonestClient honest(server.url());
  std::mt19937 random(2);
  for (int i = 0; i < 100; ++i) {
    RawClient client(server.port());
    if (i % 2) {
      ASSERT_NE(client.shake_hands().find("101 Switching"), std::string::npos);
    }
    std::string noise(1 + random() % 2000, ' ');
    for (char& byte : noise) byte = static_cast<char>(random());
    client.send(noise);
    client.receive_all();
    EXPECT_TRUE(client.closed()) << i;
  }
}

// PHYSGEN_SLOW=200 for the long run.
TEST_F(Hardening, SlowClientsAreDroppedAtTheirDeadlines) {
  const HonestClient honest(server.url());
  std::vector<std::unique_ptr<RawClient>> clients;
  const int64_t count = number_from_environment("PHYSGEN_SLOW", 60);
  for (int64_t i = 0; i < count; ++i) {
    auto& client = *clients.emplace_back(std::make_unique<RawClient>(server.port()));
    if (i % 5 == 1) client.send("GET / HTT");
    if (i % 5 > 1) client.shake_hands();
    if (i % 5 == 3) client.send(std::string("\x82\xfe\x10", 3));                                 // the head of a frame
    if (i % 5 == 4) client.send(std::string("\x82\xfe\x10\x00\x01\x02\x03\x04half of it", 18));  // and its beginning
  }
  const Stopwatch waited;
  for (auto& client : clients) {
    client->receive_all();
    EXPECT_TRUE(client->closed());
  }
  EXPECT_LT(waited.seconds(), 5);
}

// Sends until the server has enough of it.
void expect_sent_away_for_sending(uint16_t port) {
  RawClient client(port);
  client.shake_hands();
  const std::string frame = frame_of(openpi_message());
  for (int i = 0; i < 5000 && client.send(frame); ++i) {
  }
  client.receive_all();
  EXPECT_TRUE(client.closed());
}

TEST_F(Hardening, WhoSendsWithoutReadingIsSentAway) {
  const HonestClient honest(server.url());
  expect_sent_away_for_sending(server.port());
}

TEST_F(Hardening, WhoSendsTooOftenIsSentAwayAndCounted) {
  ServerOptions options = strict();
  options.messages_per_second = 20;  // which a slow machine sends, too
  const PolicyServer patient(fake_policy(), options);
  expect_sent_away_for_sending(patient.port());
  EXPECT_NE(page(patient.port(), "/metrics").find("too_many_messages"), std::string::npos);
}

TEST_F(Hardening, PingsAreAnsweredWhileARoundIsComputed) {
  std::promise<void> answered;
  const std::shared_future<void> goes_on = answered.get_future().share();
  ServedPolicy waiting = fake_policy();
  waiting.make = [goes_on, make = waiting.make] {
    RobotPolicy robot = make();
    robot.act = [goes_on, act = robot.act](const Observation& observation, const Matrix& executed) {
      goes_on.wait();
      return act(observation, executed);
    };
    return robot;
  };
  ServerOptions patient = strict();
  patient.silent_seconds = 60;
  const PolicyServer computing(waiting, patient);
  RawClient client(computing.port());
  client.shake_hands();
  EXPECT_NE(client.receive().find("cameras"), std::string::npos);  // the greeting
  client.send(frame_of(openpi_message()) + std::string("\x89\x80\0\0\0\0", 6));
  EXPECT_EQ(client.receive(), std::string("\x8a\0", 2));  // though no round can have ended
  answered.set_value();
  EXPECT_NE(client.receive().find("actions"), std::string::npos);
}

TEST_F(Hardening, AMessageThatIsTooLargeEndsTheSession) {
  Websocket websocket(server.port());
  EXPECT_TRUE(websocket.read().has_value());  // the greeting
  EXPECT_FALSE(websocket.ask(std::string(2 << 20, 'x')).has_value());
}

TEST_F(Hardening, ThePagesShowWhatIsNoText) {
  Websocket websocket(server.port());
  EXPECT_TRUE(websocket.read().has_value());  // the greeting
  EXPECT_TRUE(websocket.ask("\x81\xa1\xff\x01").has_value());
  for (int i = 0; i < 100; ++i) EXPECT_NE(page(server.port(), "/status.json").find("200 OK"), std::string::npos);
}

TEST_F(Hardening, ThoseWhoWaitKeepNobodyOut) {
  ServerOptions patient = strict();
  patient.handshake_seconds = 60;
  const PolicyServer slow(fake_policy(), patient);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 200; ++i) idle.push_back(std::make_unique<RawClient>(slow.port()));
  const HonestClient honest(slow.url());
}

TEST_F(Hardening, PagesOfOthersReachNothing) {
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_NE(page(server.port(), "/status.json").find("200 OK"), std::string::npos);
  EXPECT_NE(page(server.port(), "/status.json", "Origin: http://" + host + "\r\n").find("200 OK"), std::string::npos);
  for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1.evil.example", "http://127.0.0.1:1"}) {
    const std::string header = std::string("Origin: ") + origin + "\r\n";
    EXPECT_NE(page(server.port(), "/status.json", header).find("403 Forbidden"), std::string::npos) << origin;
    EXPECT_NE(RawClient(server.port()).shake_hands(header).find("403 Forbidden"), std::string::npos) << origin;
  }
  // A name that its owner has given to this machine's address.
  RawClient rebound(server.port());
  rebound.send("GET /status.json HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n\r\n");
  EXPECT_NE(rebound.receive_all().find("403 Forbidden"), std::string::npos);
  EXPECT_NE(RawClient(server.port()).shake_hands("", "gpu-box").find("101 Switching"), std::string::npos);  // a robot's
  RawClient silent(server.port());
  silent.send(
      "GET /status.json HTTP/1.1\r\nHost: evil.example\r\n\r\n");  // of a page's own server browsers say no Origin
  EXPECT_NE(silent.receive_all().find("403 Forbidden"), std::string::npos);
}

TEST_F(Hardening, PagesTakeTheToken) {
  ServerOptions options = strict();
  options.token = "open sesame";
  const PolicyServer guarded(fake_policy(), options);
  EXPECT_NE(page(guarded.port(), "/healthz").find("OK"), std::string::npos);
  EXPECT_NE(page(guarded.port(), "/readyz").find("200 OK"), std::string::npos);
  for (const char* path : {"/", "/metrics", "/status.json", "/sessions/0/view-0", "/nowhere"}) {
    EXPECT_NE(page(guarded.port(), path).find("401 Unauthorized"), std::string::npos) << path;
  }
  const std::string browser = "Authorization: Basic dXNlcjpvcGVuIHNlc2FtZQ==\r\n";  // user:open sesame
  EXPECT_NE(page(guarded.port(), "/", browser).find("<title>PhysGen"), std::string::npos);
  EXPECT_NE(page(guarded.port(), "/", "Authorization: Bearer open sesame\r\n").find("200 OK"), std::string::npos);
  EXPECT_NE(page(guarded.port(), "/", "Authorization: Basic !!!!\r\n").find("401"), std::string::npos);
}

TEST(ServerAddress, BeyondLoopbackTakesATokenOrAWord) {
  ServerOptions options = strict();
  options.host = "0.0.0.0";
  EXPECT_EQ(problem_of<ConfigError>([&] { PolicyServer(fake_policy(), options); }).got, "no token");
  options.insecure = true;
  const PolicyServer insecure(fake_policy(), options);
  RawClient prometheus(insecure.port());
  prometheus.send("GET /metrics HTTP/1.1\r\nHost: gpu-box\r\n\r\n");
  EXPECT_NE(prometheus.receive_all().find("200 OK"), std::string::npos);
  options.host = "no.such.host.invalid";
  EXPECT_EQ(problem_of<ConfigError>([&] { PolicyServer(fake_policy(), options); }).what, "there is no such address");
  options = strict();
  options.port = insecure.port();
  EXPECT_EQ(problem_of<Error>([&] { PolicyServer(fake_policy(), options); }).what, "the server cannot listen there");
  options.keys = {{"agentwiev", "x"}};
  EXPECT_NE(problem_of<ConfigError>([&] { PolicyServer(fake_policy(), options); }).next_step.find("agentview"),
            std::string::npos);
}

TEST_F(Hardening, TheStatusPageShowsWhatCameAndWhatWasImagined) {
  ServedPolicy served = fake_policy();
  served.imagines = true;
  served.make = [make = served.make] {
    RobotPolicy robot = make();
    robot.canvas = [] { return picture(100); };
    robot.imagine = [] { return picture(151); };
    return robot;
  };
  const PolicyServer imagining(served, strict());
  RemotePolicy remote(imagining.url());
  remote.reset("push", 1);
  Matrix executed = remote.act({{picture(7), picture(8)}, {}}, {});
  EXPECT_NE(page(imagining.port(), "/sessions/0/imagine", "Content-Length: 0\r\n", "POST").find("200 OK"),
            std::string::npos);
  for (int round = 0; round < 2; ++round) executed = remote.act({{picture(7), picture(8)}, {}}, executed);
  const std::string status = page(imagining.port(), "/status.json");
  EXPECT_NE(status.find("\"surprise\":0.19999"), std::string::npos) << status;
  EXPECT_NE(status.find("\"cameras\":[\"agentview\",\"eye_in_hand\"]"), std::string::npos);
  for (const char* name : {"view-0", "view-1", "canvas", "imagined"}) {
    EXPECT_NE(page(imagining.port(), std::string("/sessions/0/") + name).find("\x89PNG"), std::string::npos) << name;
  }
  EXPECT_NE(page(imagining.port(), "/sessions/0/view-2").find("404"), std::string::npos);
  EXPECT_NE(page(imagining.port(), "/sessions/9/view-0").find("404"), std::string::npos);
  EXPECT_NE(page(imagining.port(), "/metrics").find("physgen_rounds_total 3"), std::string::npos);
}

}  // namespace
}  // namespace physgen
