#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/latent_store.h"

namespace physgen {

/// Where the latents of a set lie: a folder a variant, found by what the demonstration files hold, the VAE's weights
/// and the recipe, wherever the files lie. Beside it, for as long as ranks encode it, the parts of each of them.
class LatentCache {
 public:
  /// All but the path must outlive this.
  LatentCache(std::filesystem::path folder, const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe);

  /// Whether a variant is there, whole as far as that shows without reading it.
  bool holds(int64_t variant) const;
  /// The latents of all frames, mapped; undefined where they are not there, or not these, or not undamaged.
  at::Tensor find(int64_t variant) const;
  at::Tensor find(int64_t variant, const WorkShare& share) const;
  /// Throws Error.
  void save(int64_t variant, const at::Tensor& latents) const;
  void save(int64_t variant, const WorkShare& share, const at::Tensor& latents) const;
  /// Removes the parts that so many ranks made of a variant.
  void remove_parts(int64_t variant, int64_t ranks) const;

 private:
  std::string identity_of(int64_t variant) const;
  std::filesystem::path folder_of(int64_t variant) const;
  std::filesystem::path folder_of(int64_t variant, const WorkShare& share) const;

  std::filesystem::path folder_;
  const DemonstrationSet& set_;
  const LatentRecipe& recipe_;
  VaeConfig vae_config_;
  std::string vae_weights_;  // their SHA-256
};

}  // namespace physgen
