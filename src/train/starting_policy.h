#pragma once

#include <functional>
#include <string>
#include <vector>

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/trainer.h>

#include "train/demonstrations.h"

namespace physgen {

/// The policy that a job starts from, on the CPU, prepared to be trained: the one of `init`, its adapters merged; new
/// heads on the pretrained backbone of `init`; or new weights around the VAE of `vae`. Its config says what the data
/// say.
/// @param note  told what a release says otherwise than its configs
/// Throws ConfigError where job, data, VAE and checkpoint do not go together, FormatError for damaged files.
LoadedPolicy starting_policy(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets,
                             const std::function<void(const std::string&)>& note = {});

/// The config of that policy, found without its weights. Throws likewise.
PolicyConfig starting_config(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets);

/// What of it is trained: from nothing there is nothing to keep frozen.
TrainMode starting_mode(const FinetuneJob& job);

/// Prepares the policy of a run's own checkpoint to be trained further. Throws ConfigError where the data are not those
/// that the run began with.
void continue_policy(LoadedPolicy& policy, const FinetuneJob& job, const std::vector<DemonstrationSet>& sets);

}  // namespace physgen
