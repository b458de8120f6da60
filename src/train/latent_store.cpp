#include "train/latent_store.h"

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "train/latent_cache.h"
#include "train/variant_encoder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

using Progress = std::function<void(int64_t, int64_t)>;

// The frames of the whole set, or of a rank's share of it.
at::Tensor encode(const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe, int64_t variant,
                  const WorkShare& share, const Progress& progress) {
  const at::NoGradGuard no_gradient;
  const FrameEncoder encoder(vae, recipe.device, recipe.dtype);
  return VariantEncoder(set, encoder, recipe, variant, episodes_of(share, first_rows_of(set))).encode(progress);
}

// The latents of one variant, from the cache or encoded into it.
at::Tensor variant_of(const LatentCache& cache, const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe,
                      int64_t variant, const Progress& progress) {
  if (at::Tensor found = cache.find(variant); found.defined()) return found;
  const at::Tensor latents = encode(set, vae, recipe, variant, {}, progress);
  try {
    cache.save(variant, latents);
  } catch (const Error&) {
    if (!cache.holds(variant)) throw;  // else another process of this machine was quicker
  }
  const at::Tensor mapped = cache.find(variant);
  return mapped.defined() ? mapped : latents;
}

// The parts of all ranks as one; undefined where one of them is missing.
at::Tensor joined(const LatentCache& cache, const DemonstrationSet& set, int64_t variant, int64_t ranks) {
  std::vector<at::Tensor> parts;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    if (episodes_of({rank, ranks}, first_rows_of(set)).empty()) continue;
    parts.push_back(cache.find(variant, {rank, ranks}));
    if (!parts.back().defined()) return {};
  }
  return at::cat(parts);
}

}  // namespace

LatentStore::LatentStore(std::vector<at::Tensor> variants, std::vector<int64_t> first_rows)
    : variants_(std::move(variants)), first_rows_(std::move(first_rows)) {}

at::Tensor LatentStore::episode(int64_t variant, int64_t episode) const {
  const auto i = static_cast<size_t>(episode);
  return variants_.at(static_cast<size_t>(variant))
      .narrow(0, first_rows_.at(i), first_rows_.at(i + 1) - first_rows_[i]);
}

void encode_share(const fs::path& folder, const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe,
                  const WorkShare& share, const Progress& progress) {
  const LatentCache cache(folder, set, vae, recipe);
  for (int64_t variant = 0; variant < recipe.augmentation.variants; ++variant) {
    if (cache.holds(variant) || cache.find(variant, share).defined()) continue;
    const at::Tensor latents = encode(set, vae, recipe, variant, share, progress);
    if (latents.defined()) cache.save(variant, share, latents);
  }
}

void join_shares(const fs::path& folder, const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe,
                 int64_t ranks) {
  const LatentCache cache(folder, set, vae, recipe);
  for (int64_t variant = 0; variant < recipe.augmentation.variants; ++variant) {
    const at::Tensor latents = cache.holds(variant) ? at::Tensor() : joined(cache, set, variant, ranks);
    if (latents.defined()) cache.save(variant, latents);
    cache.remove_parts(variant, ranks);
  }
}

LatentStore open_latent_store(const fs::path& folder, const DemonstrationSet& set, CausalVae& vae,
                              const LatentRecipe& recipe, const Progress& progress) {
  const LatentCache cache(folder, set, vae, recipe);
  std::vector<at::Tensor> variants;
  for (int64_t variant = 0; variant < recipe.augmentation.variants; ++variant) {
    variants.push_back(variant_of(cache, set, vae, recipe, variant, progress));
  }
  return {std::move(variants), first_rows_of(set)};
}

}  // namespace physgen
