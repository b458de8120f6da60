#include "acting_policy.h"

#include <utility>

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

ActingPolicy policy_of_server(const std::string& url, const RemoteOptions& options) {
  const PolicyDescription description = RemotePolicy(url, options).description();
  const auto make = [url, options, execute = description.execute]() -> RolloutPolicy {
    const auto remote = std::make_shared<RemotePolicy>(url, options);
    return {
        .reset = [remote](const std::string& told,
                          const EpisodeStart& start) { remote->reset(told, policy_seed(start)); },
        .act = [remote](const Observation& seen, const Matrix& executed) { return remote->act(seen, executed); },
        .execute = execute};
  };
  return {.description = description, .make = make, .knows = {}, .batcher = {}};
}

}  // namespace physgen
