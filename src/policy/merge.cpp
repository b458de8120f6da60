#include "policy/merge.h"

#include <physgen/core/error.h>
#include <physgen/policy/policy_checkpoint.h>

namespace physgen {

void merge_policy(const std::filesystem::path& checkpoint, const std::filesystem::path& out) {
  LoadedPolicy policy = load_policy(checkpoint);
  if (policy.config.adapter.rank == 0) {
    throw ConfigError({.what = "there is nothing to merge",
                       .where = checkpoint.string(),
                       .got = "a policy without adapters",
                       .expected = "one that was fine-tuned with \"mode\": \"lora\""});
  }
  if (std::filesystem::exists(out)) {
    throw ConfigError({.what = "the output is there already",
                       .where = out.string(),
                       .next_step = "name another path, or remove this one"});
  }
  merge_adapters(policy.model);
  policy.config.adapter.rank = 0;
  save_policy(out, policy.config, state_dict(*policy.model), state_dict(*policy.vae));
}

}  // namespace physgen
