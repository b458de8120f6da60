#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <physgen/core/matrix.h>
#include <physgen/policy/controller.h>
#include <physgen/wire/policy_description.h>

namespace physgen {

/// How a served policy is reached.
struct RemoteOptions {
  std::string token = {};        ///< of the server's --token-file; empty: none
  std::string authorities = {};  ///< PEM file of the certificates to believe, for wss://; empty: the system's
  double connect_seconds = 30;   ///< to reach a server, which is tried until then
  double reply_seconds = 30;     ///< for a reply
};

/// A policy that `physgen serve` serves, used as a `Controller` is: a frame out, actions in, but those alone that are
/// executed before the next call. It takes no LibTorch. One episode at a time and one thread at a time.
class RemotePolicy {
 public:
  /// Connects. Throws ConfigError for what is no ws:// or wss:// address, Error where no server is reached in time or
  /// it refuses.
  explicit RemotePolicy(const std::string& url, const RemoteOptions& options = {});
  ~RemotePolicy();
  RemotePolicy(RemotePolicy&&) noexcept;

  const PolicyDescription& description() const;

  /// Starts an episode. Connects anew where the connection was lost; throws as the constructor does. The server may
  /// have another policy by then: `description` tells. Without an instruction it takes its own. Where it throws there
  /// is no episode: the next call must be `reset` again.
  void reset(const std::string& instruction, uint64_t seed);

  /// The next actions, [execute, A], all of which the caller executes before it calls again.
  /// @param executed  the rows executed since the last call; empty at the first call of an episode
  /// Throws Error for a call before `reset`, for what the server refuses, with its code, and where it has gone or does
  /// not reply in time: the episode's memory is lost then, and the next call must be `reset`.
  Matrix act(const Observation& observation, const Matrix& executed);

  /// Tells the server, and disconnects.
  void close();

 private:
  struct Robot;
  std::unique_ptr<Robot> robot_;
};

}  // namespace physgen
