#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <physgen/core/matrix.h>
#include <physgen/media/image.h>
#include <physgen/policy/controller.h>
#include <physgen/wire/policy_description.h>

namespace physgen {

/// What acts for one robot: one at a time of these functions is called, each time by any thread. They may throw
/// anything; the client is told that the policy failed, and its episode begins anew.
struct RobotPolicy {
  std::function<void(const std::string& instruction, uint64_t seed)> reset;
  /// As `Controller::act`: at least `PolicyDescription::execute` rows.
  std::function<Matrix(const Observation& observation, const Matrix& executed)> act;
  /// As `Controller::canvas` and `Controller::imagine`; none: nothing is imagined.
  std::function<Image()> canvas = {};
  std::function<Image()> imagine = {};
};

/// A policy that is served: what clients are told of it, and what acts for each of them.
struct ServedPolicy {
  PolicyDescription description;
  std::function<RobotPolicy()> make;
  bool imagines = false;  ///< its robots' policies have `canvas` and `imagine`
  /// Counts of its own by name, for the metrics.
  std::function<std::map<std::string, int64_t>()> counters = {};
};

/// How a policy is served.
struct ServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8000;     ///< 0: any that is free
  std::string token = {};   ///< what clients must bring; empty: none is asked for
  bool insecure = false;    ///< allows another address than loopback without a token
  std::string certificate;  ///< PEM file of a TLS certificate chain; empty: no TLS
  std::string key;          ///< PEM file of its private key

  int64_t sessions = 16;     ///< at the same time
  int64_t computations = 1;  ///< rounds at the same time
  /// A pause between a reply and the next observation that ends an episode of a client that says neither when one
  /// begins nor what was executed; 0: none does.
  double idle_seconds = 2;
  uint64_t seed = 0;  ///< of the first episode of a session; then upward
  size_t message_bytes = 16 << 20;
  double messages_per_second = 1000;  ///< of a session
  double handshake_seconds = 10;
  double message_seconds = 30;  ///< from a message's first byte to its last
  double write_seconds = 10;    ///< until a client has taken a reply
  double silent_seconds = 60;   ///< without any sign of life from a client, which is sent pings

  /// What clients call a camera, "state" or "prompt", where they call it otherwise than the field does.
  std::map<std::string, std::string> keys = {};
  std::string recordings = {};  ///< folder to which each session is written as a LeRobot data set; empty: none
  double control_rate = 20;     ///< control steps a second of what is recorded
};

/// Throws as the server's constructor does for what can be said without a policy: before one is loaded.
void check(const ServerOptions& options);

/// Serves a policy over websockets, to openpi's clients, vla-evaluation-harness's and `RemotePolicy`. Each connection
/// is a session with a window of its own. Untrusted clients cost bounded memory and time.
class PolicyServer {
 public:
  /// Listens from now on. Throws ConfigError for an address that it may not listen on, for certificates that cannot be
  /// used, and for keys of no camera; Error where the port is taken.
  PolicyServer(const ServedPolicy& policy, const ServerOptions& options);
  /// Ends all sessions, but waits for rounds that are being computed.
  ~PolicyServer();
  PolicyServer(const PolicyServer&) = delete;
  PolicyServer& operator=(const PolicyServer&) = delete;

  uint16_t port() const;
  /// "ws://127.0.0.1:8000"
  std::string url() const;

  /// New sessions get this policy; those that there are keep theirs. Throws ConfigError as the constructor does.
  void replace(const ServedPolicy& policy);
  /// Takes no new sessions, answers what has been asked, tells the clients that it goes, and returns.
  /// @param seconds  after which connections are cut; a round that is being computed is waited for, however long it
  /// takes
  void drain(double seconds = 5);

 private:
  struct Service;
  std::unique_ptr<Service> service_;
};

}  // namespace physgen
