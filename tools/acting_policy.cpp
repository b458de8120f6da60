#include "acting_policy.h"

#include <atomic>
#include <utility>

#include <physgen/core/error.h>
#include <physgen/policy/controller.h>

#include "policy_options.h"

namespace physgen {

ActingPolicy policy_in_process(const RolloutConfig& config, bool imagines, const RoundBatcherOptions* batching) {
  const PolicyOptions how{.device = config.device, .imagines = imagines, .precision = config.precision};
  const std::shared_ptr<const Policy> policy = Policy::load(config.checkpoint, how);
  ControllerOptions options = controller_options_of(config);
  if (batching) options.batcher = std::make_shared<RoundBatcher>(policy, *batching);
  const PolicyDescription description = describe(*policy, config.checkpoint, config.execute);
  options.execute = description.execute;
  const auto make = [policy, options]() -> RolloutPolicy {
    const auto controller = std::make_shared<Controller>(policy, options);
    return {.reset = [controller](const std::string& told,
                                  const EpisodeStart& start) { controller->reset(told, policy_seed(start)); },
            .act = [controller](const Observation& seen,
                                const Matrix& executed) { return controller->act(seen, executed); },
            .execute = options.execute,
            .imagine = [controller] { return controller->imagine(); }};
  };
  return {.description = description,
          .make = make,
          .knows = [policy](const std::string& instruction) { return policy->knows(instruction); },
          .batcher = options.batcher};
}

namespace {

/// An evaluation is of one policy.
void require_same(const PolicyDescription& now, const PolicyDescription& first, const std::string& url) {
  if (now.checkpoint_sha256 == first.checkpoint_sha256 && now.execute == first.execute) return;
  throw Error({.what = "the server has another policy than when the evaluation began",
               .where = url,
               .got = now.checkpoint_sha256,
               .expected = first.checkpoint_sha256,
               .next_step = "serve the first one again, or evaluate into another folder"});
}

}  // namespace

ActingPolicy policy_of_server(const std::string& url, const RemoteOptions& options) {
  auto first = std::make_shared<RemotePolicy>(url, options);
  const PolicyDescription description = first->description();
  // The first worker takes the connection that told what the policy is.
  const auto unused = std::make_shared<std::atomic<std::shared_ptr<RemotePolicy>>>(std::move(first));
  const auto make = [=]() -> RolloutPolicy {
    std::shared_ptr<RemotePolicy> remote = unused->exchange(nullptr);
    if (!remote) remote = std::make_shared<RemotePolicy>(url, options);
    const auto reset = [=](const std::string& told, const EpisodeStart& start) {
      remote->reset(told, policy_seed(start));
      require_same(remote->description(), description, url);
    };
    return {.reset = reset,
            .act = [=](const Observation& seen, const Matrix& executed) { return remote->act(seen, executed); },
            .execute = description.execute};
  };
  return {.description = description, .make = make, .knows = {}, .batcher = {}};
}

}  // namespace physgen
