#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <physgen/files/manifest.h>
#include <physgen/policy/policy_config.h>

namespace physgen {

/// A part of a network: "nova.video_encoder", "action_head", …
struct PartSize {
  std::string name;
  int64_t parameters = 0;
};

/// What a checkpoint is.
struct CheckpointSummary {
  std::string path;
  std::string kind;                      ///< "policy", "vae", … as the manifest says; "tensors" for a single file
  bool can_resume = false;               ///< holds what a training run needs to go on
  int64_t bytes = 0;                     ///< of all files
  std::vector<ManifestFile> files = {};  ///< of a directory
  std::vector<PartSize> parts = {};
  std::optional<PolicyConfig> policy = {};  ///< of a policy
};

/// Verifies a checkpoint (a policy, a VAE, or a single .safetensors file) and says what it is.
/// Throws ConfigError for a path that holds none, FormatError for one that is damaged.
CheckpointSummary summarize_checkpoint(const std::filesystem::path& path);

/// For people: a few lines.
std::string to_text(const CheckpointSummary& summary);
/// For programs: one JSON object.
std::string to_json(const CheckpointSummary& summary);
/// A model card in Markdown, to publish beside the checkpoint: what it sees and does, what it was trained on, how to
/// use it, what its files hash to.
std::string to_card(const CheckpointSummary& summary);

}  // namespace physgen
