#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include <physgen/vae/causal_vae.h>

#include "train/demonstrations.h"
#include "train/work_share.h"

namespace physgen {

/// How frames become latents. Everything that decides their bytes is named here, beside the files themselves.
struct LatentRecipe {
  CanvasConfig canvas;
  AugmentationConfig augmentation;
  uint64_t seed = 0;  ///< of the changes
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< that is computed in and kept
};

/// The normalised latents of every frame of a dataset, mapped from files: as recorded (variant 0) and changed at
/// random, one change an episode and variant.
class LatentStore {
 public:
  /// @param variants    each [frames of all episodes, C, h, w]
  /// @param first_rows  the first frame of each episode, and the end
  LatentStore(std::vector<at::Tensor> variants, std::vector<int64_t> first_rows);

  /// [T + 1, C, h, w] of the recipe's dtype on the CPU. Must not be written to.
  at::Tensor episode(int64_t variant, int64_t episode) const;
  int64_t variants() const { return static_cast<int64_t>(variants_.size()); }

 private:
  std::vector<at::Tensor> variants_;
  std::vector<int64_t> first_rows_;
};

/// Encodes the frames of a rank's share of the episodes, where `cache` does not hold them yet. Its latents lie beside
/// those of the other ranks until `join_shares`. Throws as `open_latent_store` does.
void encode_share(const std::filesystem::path& cache, const DemonstrationSet& set, CausalVae& vae,
                  const LatentRecipe& recipe, const WorkShare& share,
                  const std::function<void(int64_t frames, int64_t total)>& progress);

/// Makes what all ranks encoded the latents of the dataset, the same bytes as one rank's. For one rank, once all have
/// done their share. A share that is not there, as where ranks have folders of their own, leaves the encoding of all
/// frames to `open_latent_store`.
void join_shares(const std::filesystem::path& cache, const DemonstrationSet& set, CausalVae& vae,
                 const LatentRecipe& recipe, int64_t ranks);

/// Opens the latents of a dataset, encoding those that `cache` does not hold yet (or not undamaged). They are found
/// again by what the demonstration files hold, the VAE's weights and the recipe, wherever the files lie.
/// @param progress  called with (frames done, all frames) while encoding; what it throws ends the encoding
/// Throws FormatError for frames that cannot be read, Error for latents that are not finite and a disk that is full.
LatentStore open_latent_store(const std::filesystem::path& cache, const DemonstrationSet& set, CausalVae& vae,
                              const LatentRecipe& recipe,
                              const std::function<void(int64_t frames, int64_t total)>& progress);

}  // namespace physgen
