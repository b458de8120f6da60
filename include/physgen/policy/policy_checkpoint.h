#pragma once

#include <filesystem>
#include <string>

#include <physgen/layers/state_dict.h>
#include <physgen/policy/physgen_model.h>
#include <physgen/policy/policy_config.h>
#include <physgen/vae/causal_vae.h>

namespace physgen {

// A policy checkpoint is a directory: config.json (PolicyConfig), model.safetensors (the weights to act with),
// vae.safetensors and MANIFEST.json; a training run adds training.safetensors.

/// `kind` in the manifest of a policy checkpoint.
inline constexpr const char* kPolicyKind = "policy";

/// Writes config.json, model.safetensors and vae.safetensors into a directory. Throws Error.
void write_policy_files(const std::filesystem::path& directory, const PolicyConfig& config, const NamedTensors& model,
                        const NamedTensors& vae);

/// Makes a policy checkpoint, whole and durable or not at all; one that is there is replaced. Throws Error, and before
/// anything is written ConfigError for a config that does not fit together or says other adapters than there are.
/// @param model, vae  `state_dict` of each
void save_policy(const std::filesystem::path& path, const PolicyConfig& config, const NamedTensors& model,
                 const NamedTensors& vae);

/// A policy on the CPU in float32, in evaluation mode.
struct LoadedPolicy {
  PolicyConfig config;
  PhysGenModel model{nullptr};
  CausalVae vae{nullptr};
};

/// Verifies and loads a policy checkpoint; adapters come as adapters, of a backbone that is frozen (to train all of it:
/// `merge_adapters`, then `prepare_training`). Throws ConfigError where there is none, and
/// FormatError naming what is damaged, missing or of the wrong shape.
LoadedPolicy load_policy(const std::filesystem::path& path);

}  // namespace physgen
