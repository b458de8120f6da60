#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <physgen/core/error.h>
#include <physgen/device/machine.h>
#include <physgen/policy/controller.h>
#include <physgen/policy/policy_config.h>
#include <physgen/policy/round_batcher.h>
#include <physgen/serve/policy_server.h>

#include "commands.h"
#include "policy_options.h"
#include "stop_signal.h"

namespace physgen {
namespace {

constexpr int64_t kMostComputations = 16;  // rounds of a batch

struct ServeConfig {
  std::string checkpoint;
  std::string device = "auto";
  std::string precision = "auto";
  int64_t execute = 0;
  std::string sampler;
  int64_t denoising_steps = 0;
  std::string lookahead;
  std::string when_full;
};

struct ServeOptions {
  ServeConfig config;
  ServerOptions server;
  std::string token_file;
  std::vector<std::string> keys;  // "ours=theirs"
  double message_mebibytes = 16;
  double control_rate = 0;  // 0: as the policy's data
  int64_t threads = 0;
  bool batch = false, imagine = false;
  RoundBatcherOptions batcher;
};

/// While it lives, SIGHUP asks for the checkpoint anew.
class ReloadSignal {
 public:
  ReloadSignal() {
    struct sigaction action = {};
    action.sa_handler = [](int) { requested_ = true; };
    action.sa_flags = SA_RESTART;
    sigaction(SIGHUP, &action, &before_);
  }
  ~ReloadSignal() { sigaction(SIGHUP, &before_, nullptr); }
  ReloadSignal(const ReloadSignal&) = delete;
  ReloadSignal& operator=(const ReloadSignal&) = delete;

  /// Whether it came since the last call.
  bool came() { return requested_.exchange(false); }

 private:
  static inline std::atomic<bool> requested_ = false;
  struct sigaction before_;
};

void add_keys(const std::vector<std::string>& given, std::map<std::string, std::string>& keys) {
  for (const std::string& pair : given) {
    const size_t equals = pair.find('=');
    if (equals != pair.npos && equals > 0 && equals + 1 < pair.size()) {
      keys[pair.substr(0, equals)] = pair.substr(equals + 1);
      continue;
    }
    throw ConfigError({.what = "a name has no other",
                       .where = "--map",
                       .got = pair,
                       .expected = "OURS=THEIRS, such as agentview=cam_high"});
  }
}

RobotPolicy robot_of(const std::shared_ptr<const Policy>& policy, const ControllerOptions& options, bool imagines) {
  const auto controller = std::make_shared<Controller>(policy, options);
  RobotPolicy robot{
      .reset = [controller](const std::string& told, uint64_t seed) { controller->reset(told, seed); },
      .act = [controller](const Observation& seen, const Matrix& executed) { return controller->act(seen, executed); }};
  if (imagines) {
    robot.canvas = [controller] { return controller->canvas(); };
    robot.imagine = [controller] { return controller->imagine(); };
  }
  return robot;
}

std::map<std::string, int64_t> counts_of(const RoundBatcher& batcher) {
  const RoundBatcher::Counts counts = batcher.counts();
  return {{"batches", counts.batches}, {"rounds_in_batches", counts.batched}, {"rounds_alone", counts.alone}};
}

ServedPolicy load(const ServeOptions& options) {
  const ServeConfig& config = options.config;
  const std::shared_ptr<const Policy> policy = Policy::load(
      config.checkpoint, {.device = config.device, .imagines = options.imagine, .precision = config.precision});
  ServedPolicy served{
      .description = describe(*policy, config.checkpoint, config.execute), .make = {}, .imagines = options.imagine};
  ControllerOptions controller = controller_options_of(config);
  if (options.batch) {
    const auto batcher = controller.batcher = std::make_shared<RoundBatcher>(policy, options.batcher);
    served.counters = [batcher] { return counts_of(*batcher); };
  }
  served.make = [=] { return robot_of(policy, controller, options.imagine); };
  robot_of(policy, controller, false);  // now, so that what it cannot do is said before anybody asks
  return served;
}

/// A checkpoint that cannot be used leaves the policy that is served.
void reload(const ServeOptions& options, PolicyServer& server) {
  try {
    server.replace(load(options));
    spdlog::info("new sessions are served by {} as it is now", options.config.checkpoint);
  } catch (const std::exception& error) {
    spdlog::error("the policy is served as it was: {}", error.what());
  }
}

void wait_for_the_end(const ServeOptions& options, PolicyServer& server) {
  const StopSignal stop;
  ReloadSignal reloads;
  while (!stop.requested()) {
    if (reloads.came()) reload(options, server);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  spdlog::info("what has been asked is answered");
  server.drain();
}

double control_rate_of(const ServeOptions& options) {
  constexpr double kUsual = 20;
  if (options.control_rate > 0) return options.control_rate;
  const double trained = read_policy_config(options.config.checkpoint).frames_per_second;
  return trained > 0 ? trained : kUsual;
}

void run_serve(ServeOptions options) {
  if (options.config.checkpoint.empty()) {
    throw ConfigError(
        {.what = "there is no policy to serve", .where = "--checkpoint", .got = "", .expected = "a folder"});
  }
  if (!options.token_file.empty()) options.server.token = token_in(options.token_file);
  add_keys(options.keys, options.server.keys);
  options.server.message_bytes = static_cast<size_t>(options.message_mebibytes * (1 << 20));
  if (options.threads > 0) set_compute_threads(options.threads);
  options.batcher.controllers = options.server.sessions;
  if (options.batch) options.server.computations = std::min<int64_t>(options.server.sessions, kMostComputations);
  check(options.server);
  options.server.control_rate = control_rate_of(options);
  PolicyServer server(load(options), options.server);
  fmt::print("serving {} at {}\n", options.config.checkpoint, server.url());
  std::fflush(stdout);
  wait_for_the_end(options, server);
}

void add_address_options(CLI::App& command, ServeOptions& options) {
  ServerOptions& server = options.server;
  command.add_option("--host", server.host, "Address to listen on")->capture_default_str();
  command.add_option("--port", server.port, "Port; 0: any that is free")->capture_default_str();
  command.add_option("--token-file", options.token_file,
                     "File with the token that clients must bring; openpi's api_key. Needed beyond loopback");
  command.add_flag("--insecure", server.insecure, "Listen beyond loopback without a token");
  command.add_option("--cert", server.certificate, "PEM file of a certificate chain: wss:// and https://");
  command.add_option("--key", server.key, "PEM file of its private key");
}

void add_session_options(CLI::App& command, ServeOptions& options) {
  ServerOptions& server = options.server;
  command.add_option("--max-sessions", server.sessions, "Clients at the same time")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  command
      .add_option(
          "--idle", server.idle_seconds,
          "Seconds between a reply and the next observation that end an episode of a client that does not say when one "
          "begins; 0: none do")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0));
  add_seed_option(command, server.seed, "Seed of a session's first episode, then upward, where clients give none");
  command
      .add_option("--map", options.keys,
                  "What clients call a camera, state or prompt: OURS=THEIRS, such as agentview=observation/left")
      ->take_all()
      ->allow_extra_args(false);
  command.add_option("--record", server.recordings,
                     "Folder to which each session is written as a LeRobot data set when it has ended");
  command
      .add_option("--control-rate", options.control_rate,
                  "Control steps a second of what is recorded; without it, those of the policy's data, or 20")
      ->check(CLI::Range(0.1, 1000.0));
  command.add_flag("--imagine", options.imagine,
                   "Let the status page ask for what the policy expects to see, beside what came");
}

void add_limit_options(CLI::App& command, ServeOptions& options) {
  ServerOptions& server = options.server;
  command.add_option("--max-message", options.message_mebibytes, "MiB of a message at most")
      ->capture_default_str()
      ->check(CLI::Range(0.001, 256.0));
  command.add_option("--max-rate", server.messages_per_second, "Messages a second of a client at most")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 1e6));
  const auto add_seconds = [&](const char* flag, double& seconds, const char* what) {
    command.add_option(flag, seconds, what)->capture_default_str()->check(CLI::Range(0.01, 86'400.0));
  };
  add_seconds("--handshake-timeout", server.handshake_seconds, "Seconds a client has for its handshake");
  add_seconds("--message-timeout", server.message_seconds,
              "Seconds a message may take from its first byte to its last");
  add_seconds("--write-timeout", server.write_seconds, "Seconds a client has to take a reply");
  add_seconds("--silence-timeout", server.silent_seconds, "Seconds without an answer to a ping");
}

void add_computation_options(CLI::App& command, ServeOptions& options) {
  add_threads_option(command, options.threads);
  add_batch_options(command, options.batch, options.batcher,
                    "Compute the rounds that are asked for at about the same time as one batch");
}

}  // namespace

void add_serve_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "Let a policy act for robots and benchmarks over a network");
  const auto options = std::make_shared<ServeOptions>();
  add_policy_options(*command, options->config);
  add_address_options(*command, *options);
  add_session_options(*command, *options);
  add_limit_options(*command, *options);
  add_computation_options(*command, *options);
  command->callback([options] { run_serve(*options); });
}

}  // namespace physgen
