#pragma once

#include <functional>
#include <memory>
#include <string>

#include <physgen/client/remote_policy.h>
#include <physgen/policy/round_batcher.h>
#include <physgen/rollout/evaluation.h>
#include <physgen/wire/policy_description.h>

namespace physgen {

/// What acts in an evaluation: a checkpoint in this process, or a server's policy.
struct ActingPolicy {
  PolicyDescription description;
  MakePolicy make;
  std::function<bool(const std::string& instruction)> knows;  ///< from training; none: not known
  std::shared_ptr<RoundBatcher> batcher;                      ///< none: each round is computed alone
};

/// Of a checkpoint. @param batcher  how rounds are gathered; none: they are not
/// Throws as `Policy::load` does.
ActingPolicy policy_in_process(const RolloutConfig& config, bool imagines, const RoundBatcherOptions* batcher);

/// Of a server. Throws as `RemotePolicy` does.
ActingPolicy policy_of_server(const std::string& url, const RemoteOptions& options);

}  // namespace physgen
