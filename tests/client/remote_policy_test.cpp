#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "core/stopwatch.h"
#include "physgen/client/remote_policy.h"
#include "physgen/core/statistics.h"
#include "physgen/serve/policy_server.h"
#include "serve/fake_policy.h"
#include "serve/raw_client.h"
#include "support/certificate.h"
#include "support/number_from_environment.h"
#include "support/problem_of.h"
#include "support/process_usage.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

ServerOptions any_port() {
  ServerOptions options;
  options.port = 0;
  return options;
}

RemoteOptions impatient() { return {.connect_seconds = 0.5, .reply_seconds = 5}; }

Observation seen(int value) { return {{picture(static_cast<uint8_t>(value)), picture(9)}, {}}; }

/// An episode, and the same in process: equal to the last bit.
void expect_same_as_in_process(RemotePolicy& remote, uint64_t seed, int rounds) {
  RememberingRobot local;
  local.reset("push", seed);
  remote.reset("push", seed);
  Matrix executed;
  for (int round = 0; round < rounds; ++round) {
    const Observation observation = seen(static_cast<int>(seed * 7 + static_cast<uint64_t>(round)) % 250);
    const Matrix expected = local.act(observation, executed).topRows(3);
    ASSERT_EQ(remote.act(observation, executed), expected) << "seed " << seed << ", round " << round;
    executed = expected * 0.5f;  // the robot did not quite do it
  }
}

class RemotePolicyTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { spdlog::set_level(spdlog::level::off); }
  static void TearDownTestSuite() { spdlog::set_level(spdlog::level::info); }
};

TEST_F(RemotePolicyTest, ActsAsTheOneInProcess) {
  const PolicyServer server(fake_policy(), any_port());
  RemotePolicy remote(server.url());
  EXPECT_EQ(remote.description().cameras, fake_description().cameras);
  EXPECT_EQ(remote.description().chunk_length, 4);
  EXPECT_EQ(remote.description().control_rate, 12.5);
  expect_same_as_in_process(remote, 3, 5);
  expect_same_as_in_process(remote, 4, 2);
}

TEST_F(RemotePolicyTest, SessionsSideBySideKeepApart) {
  ServerOptions options = any_port();
  options.computations = 3;
  const PolicyServer server(fake_policy(), options);
  std::vector<std::thread> robots;
  for (uint64_t robot = 0; robot < 8; ++robot) {
    robots.emplace_back([&server, robot] {
      RemotePolicy remote(server.url());
      for (uint64_t episode = 0; episode < 3; ++episode) expect_same_as_in_process(remote, robot * 10 + episode, 20);
    });
  }
  for (std::thread& robot : robots) robot.join();
}

/// The bucket of a stage's histogram, in milliseconds, below which a part of all observations lies.
double bucket_of(const std::string& metrics, const std::string& stage, double part) {
  const std::string bucket = "physgen_stage_seconds_bucket{stage=\"" + stage + "\",le=\"";
  const double all =
      std::stod(metrics.substr(metrics.find("physgen_stage_seconds_count{stage=\"" + stage + "\"} ") +
                               std::string("physgen_stage_seconds_count{stage=\"\"} ").size() + stage.size()));
  for (size_t at = metrics.find(bucket); at != metrics.npos; at = metrics.find(bucket, at + 1)) {
    const std::string edge = metrics.substr(at + bucket.size());
    if (std::stod(edge.substr(edge.find("} ") + 2)) >= part * all) return std::stod(edge) * 1000;
  }
  return INFINITY;
}

void print_stages(const PolicyServer& server) {
  const std::string metrics = page(server.port(), "/metrics");
  for (const char* stage : {"queue", "infer", "total"}) {
    std::printf("%s: p50 below %g ms, p99 below %g ms\n", stage, bucket_of(metrics, stage, 0.5),
                bucket_of(metrics, stage, 0.99));
  }
}

// PHYSGEN_SOAK_SECONDS=600 for the long run, which prints.
TEST_F(RemotePolicyTest, SoakedItKeepsSessionsApartAndItsMemory) {
  const auto seconds = static_cast<double>(number_from_environment("PHYSGEN_SOAK_SECONDS", 3));
  ServerOptions options = any_port();
  options.computations = 2;
  options.messages_per_second = 1e6;
  PolicyServer server(fake_policy(), options);
  const Stopwatch clock;
  std::atomic<int64_t> rounds = 0;
  std::vector<std::thread> robots;
  for (uint64_t robot = 0; robot < 16; ++robot) {
    robots.emplace_back([&, robot] {
      std::optional<RemotePolicy> remote;
      for (uint64_t episode = 0; clock.seconds() < seconds; ++episode, rounds += 25) {
        if (episode % 40 == 0) remote.emplace(server.url());
        expect_same_as_in_process(*remote, robot * 1'000'000 + episode, 25);
      }
    });
  }
  const auto wait_until = [&](double when) {
    while (clock.seconds() < when) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return std::pair(resident_bytes(), open_descriptors());  // of the server and all robots
  };
  const auto early = wait_until(seconds / 3), late = wait_until(seconds * 0.95);
  for (std::thread& robot : robots) robot.join();
  print_stages(server);
  const Stopwatch drain;
  server.drain();
  EXPECT_LT(drain.seconds(), 5);
  EXPECT_TRUE(kSanitized || late.first - early.first < 16 << 20);
  EXPECT_LT(late.second - early.second, 8);  // a session that ends while another begins
  std::printf("%ld rounds; memory %ld to %ld KiB, descriptors %ld to %ld; drained in %.3f s\n", rounds.load(),
              early.first >> 10, late.first >> 10, early.second, late.second, drain.seconds());
}

// Printed; the bound is for machines that do other things, too.
TEST_F(RemotePolicyTest, CostsLittleOverInProcess) {
  const PolicyServer server(fake_policy(), any_port());
  RemotePolicy remote(server.url());
  RememberingRobot local;
  local.reset("push", 1);
  remote.reset("push", 1);
  const Observation observation{{picture(3, 256), picture(9, 256)}, {}};
  Matrix executed;
  std::vector<double> milliseconds;
  for (int round = 0; round < 300; ++round) {
    const Stopwatch here;
    const Matrix expected = local.act(observation, executed).topRows(3);
    const double alone = here.milliseconds();
    const Stopwatch there;
    ASSERT_EQ(remote.act(observation, executed), expected);
    milliseconds.push_back(there.milliseconds() - alone);
    executed = expected;
  }
  std::ranges::sort(milliseconds);
  std::printf("two pictures of 256 x 256: p50 %.2f ms, p99 %.2f ms over in-process\n", quantile(milliseconds, 0.5),
              quantile(milliseconds, 0.99));
  EXPECT_TRUE(kSanitized || quantile(milliseconds, 0.5) < 5);
}

TEST_F(RemotePolicyTest, SpeaksTls) {
  const TemporaryFolder folder;
  const std::string key = folder.path() / "key.pem", certificate = folder.path() / "cert.pem";
  write_certificate(certificate, key);
  ServerOptions options = any_port();
  options.certificate = certificate;
  options.key = key;
  const PolicyServer server(fake_policy(), options);
  EXPECT_EQ(server.url().substr(0, 6), "wss://");
  RemoteOptions trusting = impatient();
  trusting.authorities = certificate;
  RemotePolicy remote(server.url(), trusting);
  expect_same_as_in_process(remote, 5, 3);
  // Whom it does not know it does not speak with, and with nobody who speaks without TLS.
  EXPECT_NE(problem_of<Error>([&] { RemotePolicy(server.url(), impatient()); }).got.find("certificate verify failed"),
            std::string::npos);
  EXPECT_THROW(RemotePolicy("ws" + server.url().substr(3), impatient()), Error);
  options.key = certificate;
  EXPECT_EQ(problem_of<ConfigError>([&] { PolicyServer(fake_policy(), options); }).where, certificate);
  options.key = "";
  EXPECT_EQ(problem_of<ConfigError>([&] { PolicyServer(fake_policy(), options); }).where, "--cert");
}

TEST_F(RemotePolicyTest, BringsAToken) {
  ServerOptions options = any_port();
  options.token = "secret";
  const PolicyServer server(fake_policy(), options);
  RemoteOptions knowing = impatient();
  knowing.token = "secret";
  RemotePolicy remote(server.url(), knowing);
  expect_same_as_in_process(remote, 1, 2);
  for (const char* token : {"", "wrong", "secret2"}) {
    knowing.token = token;
    EXPECT_EQ(problem_of<Error>([&] { RemotePolicy(server.url(), knowing); }).got, "401 Unauthorized");
  }
}

TEST_F(RemotePolicyTest, TellsWhatTheServerRefuses) {
  const PolicyServer server(fake_policy(), any_port());
  RemotePolicy remote(server.url());
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(1), {}); }).got, "no call of reset");
  remote.reset("push", 1);
  EXPECT_EQ(problem_of<Error>([&] { remote.act({{picture(1)}, {}}, {}); }).got, "1");
  remote.act(seen(1), {});
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(1), Matrix::Zero(1, 2)); }).got, "bad_executed");
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(1), {}); }).got, "no call of reset");
  expect_same_as_in_process(remote, 2, 2);  // connects anew
}

TEST_F(RemotePolicyTest, AServerThatGoesEndsTheEpisodeAndOneThatComesServesTheNext) {
  ServerOptions options = any_port();
  auto server = std::make_unique<PolicyServer>(fake_policy(), options);
  options.port = server->port();
  const std::string url = server->url();
  RemotePolicy remote(url, impatient());
  remote.reset("push", 1);
  remote.act(seen(1), {});
  server.reset();
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(1), Matrix::Zero(3, 2)); }).where, url);
  EXPECT_EQ(problem_of<Error>([&] { remote.reset("push", 1); }).what, "the policy server cannot be reached");
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(1), {}); }).got, "no call of reset");
  server = std::make_unique<PolicyServer>(fake_policy(), options);
  expect_same_as_in_process(remote, 6, 2);
}

TEST_F(RemotePolicyTest, AServerThatWentBetweenEpisodesLeavesNone) {
  auto server = std::make_unique<PolicyServer>(fake_policy(), any_port());
  RemotePolicy remote(server->url(), impatient());
  remote.reset("push", 1);
  remote.act(seen(1), {});
  remote.close();
  server.reset();
  problem_of<Error>([&] { remote.reset("push", 2); });
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(1), {}); }).got, "no call of reset");
}

TEST_F(RemotePolicyTest, MoreSessionsThanThereAreIsSaid) {
  ServerOptions options = any_port();
  options.sessions = 1;
  const PolicyServer server(fake_policy(), options);
  {
    const RemotePolicy first(server.url());
    EXPECT_EQ(problem_of<Error>([&] { RemotePolicy(server.url(), impatient()); }).got, "503 Service Unavailable");
  }
  for (int tries = 0;; ++tries) {  // the first one's end has to be noticed
    try {
      RemotePolicy second(server.url(), impatient());
      return expect_same_as_in_process(second, 1, 1);
    } catch (const Error&) {
      ASSERT_LT(tries, 100);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
}

TEST_F(RemotePolicyTest, NewSessionsGetThePolicyThatReplacesTheOther) {
  PolicyServer server(fake_policy(), any_port());
  RemotePolicy before(server.url());
  PolicyDescription other = fake_description();
  other.checkpoint_sha256 = "abc";
  server.replace(fake_policy(other));
  RemotePolicy after(server.url());
  EXPECT_EQ(after.description().checkpoint_sha256, "abc");
  EXPECT_EQ(before.description().checkpoint_sha256, "");
  expect_same_as_in_process(before, 1, 2);
  expect_same_as_in_process(after, 2, 2);
}

/// A policy that computes until it is told to go on.
struct SlowPolicy {
  std::mutex mutex;
  std::condition_variable changed;
  bool goes_on = false, asked = false;

  ServedPolicy served() {
    ServedPolicy policy = fake_policy();
    policy.make = [this, make = policy.make] {
      RobotPolicy robot = make();
      robot.act = [this, act = robot.act](const Observation& observation, const Matrix& executed) {
        std::unique_lock lock(mutex);
        asked = true;
        changed.notify_all();
        changed.wait(lock, [this] { return goes_on; });
        return act(observation, executed);
      };
      return robot;
    };
    return policy;
  }
  void wait_until_asked() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return asked; });
  }
  void go_on() {
    const std::lock_guard lock(mutex);
    goes_on = true;
    changed.notify_all();
  }
};

TEST_F(RemotePolicyTest, WhatHasBeenAskedIsAnsweredBeforeTheServerGoes) {
  SlowPolicy slow;
  PolicyServer server(slow.served(), any_port());
  RemotePolicy remote(server.url(), impatient());
  remote.reset("push", 2);
  auto reply = std::async(std::launch::async, [&] { return remote.act(seen(3), {}); });
  slow.wait_until_asked();
  auto drained = std::async(std::launch::async, [&] { server.drain(); });
  EXPECT_EQ(drained.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
  slow.go_on();
  EXPECT_EQ(reply.get().rows(), 3);
  EXPECT_EQ(drained.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_THROW(remote.act(seen(3), Matrix::Zero(3, 2)), Error);
}

TEST_F(RemotePolicyTest, AReplyThatDoesNotComeIsAnError) {
  SlowPolicy slow;
  const PolicyServer server(slow.served(), any_port());
  RemoteOptions options = impatient();
  options.reply_seconds = 0.2;
  RemotePolicy remote(server.url(), options);
  remote.reset("push", 2);
  EXPECT_EQ(problem_of<Error>([&] { remote.act(seen(3), {}); }).got, "no reply in time");
  slow.go_on();
}

}  // namespace
}  // namespace physgen
