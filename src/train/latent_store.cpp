#include <physgen/train/latent_store.h>

#include <torch/torch.h>

#include <physgen/codec/pixels.h>
#include <physgen/core/error.h>
#include <physgen/core/random.h>
#include <physgen/files/atomic_file.h>
#include <physgen/files/manifest.h>
#include <physgen/files/safetensors.h>
#include <physgen/layers/state_dict.h>
#include <physgen/vae/frame_encoder.h>

#include "data/frame_stream.h"
#include "files/sha256.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFramesAtOnce = 16;
constexpr const char* kFileName = "latents.safetensors";
constexpr const char* kRecipeKey = "recipe";

std::string fingerprint_of(CausalVae& vae) {
  Sha256 hash;
  for (const auto& [name, tensor] : state_dict(*vae)) {
    const at::Tensor whole = tensor.detach().cpu().contiguous();
    hash.add({static_cast<const std::byte*>(whole.const_data_ptr()), whole.nbytes()});
  }
  return hash.hexadecimal();
}

// Everything that the bytes of one variant depend on, as text.
std::string identity_of(const DemonstrationSet& set, const std::string& vae, const VaeConfig& config,
                        const LatentRecipe& recipe, int64_t variant) {
  std::string text = "vae " + vae + "\n" + write_config(config) + write_config(recipe.canvas) + set.hashes +
                     std::to_string(set.dataset.recording().frames_per_second) + " steps a second\n";
  text +=
      std::string(at::toString(recipe.dtype)) + " on " + recipe.device.str() + ", variant " + std::to_string(variant);
  if (variant == 0) return text;
  return text + " of seed " + std::to_string(recipe.seed) + "\n" + write_config(recipe.augmentation.change);
}

std::vector<int64_t> first_rows_of(const DemonstrationSet& set) {
  std::vector<int64_t> rows = {0};
  for (const Episode& episode : set.episodes) rows.push_back(rows.back() + episode.info.control_steps + 1);
  return rows;
}

// One change for all frames of an episode. @param frames  uint8 [n, H, W, 3], and so the result
at::Tensor changed(const at::Tensor& frames, const FrameAugmentation& change) {
  const at::Tensor values = pixels_to_values(frames).unsqueeze(0);  // [1, n, 3, H, W]
  return values_to_pixels(augment(values, std::span(&change, 1)).squeeze(0)).contiguous();
}

void check_finite(const at::Tensor& latents, const Episode& episode) {
  if (at::isfinite(latents).all().item<bool>()) return;
  throw Error({.what = "the VAE gives latents that are not finite",
               .where = episode.info.source,
               .expected = "finite numbers",
               .next_step = "use another VAE, or \"precision\": \"float32\""});
}

// Encodes all frames of one variant.
class VariantEncoder {
 public:
  VariantEncoder(const DemonstrationSet& set, const FrameEncoder& encoder, const LatentRecipe& recipe, int64_t variant)
      : set_(set),
        encoder_(encoder),
        recipe_(recipe),
        variant_(variant),
        rows_(first_rows_of(set)),
        frames_(set.dataset, recipe.canvas.cameras, all_frames(set.dataset), [](Image image) { return image; }) {}

  at::Tensor encode(const std::function<void(int64_t, int64_t)>& progress) {
    at::Tensor all;
    for (size_t i = 0; i < set_.episodes.size(); ++i) {
      for (int64_t first = rows_[i]; first < rows_[i + 1]; first += kFramesAtOnce) {
        const int64_t count = std::min(kFramesAtOnce, rows_[i + 1] - first);
        const at::Tensor latents = encode(static_cast<int64_t>(i), count);
        if (!all.defined())
          all = at::empty({rows_.back(), latents.size(1), latents.size(2), latents.size(3)}, recipe_.dtype);
        all.narrow(0, first, count).copy_(latents);
        if (progress) progress(first + count, rows_.back());
      }
    }
    return all;
  }

 private:
  // The next frames, which are some of one episode's.
  at::Tensor encode(int64_t episode, int64_t count) {
    at::Tensor frames = next_canvases(count);
    if (variant_ > 0) {
      const auto index = static_cast<uint64_t>(variant_ * set_.dataset.size() + episode);
      const uint64_t seed = mixed_seed(recipe_.seed, Stream::augmentation, index);
      frames = changed(frames, draw_augmentation(recipe_.augmentation.change, seed));
    }
    const at::Tensor latents = encoder_.encode(frames).cpu();
    check_finite(latents, set_.episodes[static_cast<size_t>(episode)]);
    return latents;
  }

  at::Tensor next_canvases(int64_t count) {
    std::vector<at::Tensor> canvases;
    for (int64_t i = 0; i < count; ++i) {
      canvases.push_back(view_of(compose_canvas(frames_.next(), recipe_.canvas)).clone());
    }
    return at::stack(canvases);  // [n, H, W, 3]
  }

  const DemonstrationSet& set_;
  const FrameEncoder& encoder_;
  const LatentRecipe& recipe_;
  int64_t variant_;
  std::vector<int64_t> rows_;
  FrameStream<Image> frames_;
};

fs::path folder_of(const fs::path& cache, const std::string& identity) {
  return cache / ("latents-" + sha256_of_text(identity).substr(0, 16));
}

// The latents that are there; undefined where there are none, or not these, or not undamaged.
at::Tensor find_latents(const fs::path& folder, const std::string& identity, int64_t rows) {
  try {
    recover_directory(folder);
    if (!fs::exists(folder)) return {};
    verify_manifest(folder);
    const std::map<std::string, std::string> metadata = SafetensorsFile::open(folder / kFileName).metadata();
    const auto found = metadata.find(kRecipeKey);
    if (found == metadata.end() || found->second != identity) return {};
    const NamedTensors tensors = load_tensors((folder / kFileName).string());
    return tensors.size() == 1 && tensors[0].second.dim() == 4 && tensors[0].second.size(0) == rows ? tensors[0].second
                                                                                                    : at::Tensor();
  } catch (const Error&) {
    return {};  // a cache: what is wrong with it is mended by encoding again
  }
}

void save_latents(const fs::path& folder, const std::string& identity, const at::Tensor& latents) {
  AtomicDirectory directory(folder);
  save_tensors((directory.path() / kFileName).string(), {{"latents", latents}}, {{kRecipeKey, identity}});
  write_manifest(directory.path(), "latents");
  directory.commit();
}

}  // namespace

LatentStore::LatentStore(std::vector<at::Tensor> variants, std::vector<int64_t> first_rows)
    : variants_(std::move(variants)), first_rows_(std::move(first_rows)) {}

at::Tensor LatentStore::episode(int64_t variant, int64_t episode) const {
  const auto i = static_cast<size_t>(episode);
  return variants_.at(static_cast<size_t>(variant))
      .narrow(0, first_rows_.at(i), first_rows_.at(i + 1) - first_rows_[i]);
}

// The latents of one variant, from the cache or encoded into it.
static at::Tensor variant_of(const fs::path& cache, const DemonstrationSet& set, CausalVae& vae,
                             const std::string& weights, const LatentRecipe& recipe, int64_t variant,
                             const std::function<void(int64_t, int64_t)>& progress) {
  const int64_t rows = first_rows_of(set).back();
  const std::string identity = identity_of(set, weights, vae->config, recipe, variant);
  const fs::path folder = folder_of(cache, identity);
  if (at::Tensor found = find_latents(folder, identity, rows); found.defined()) return found;
  const at::NoGradGuard no_gradient;
  const FrameEncoder encoder(vae, recipe.device, recipe.dtype);
  save_latents(folder, identity, VariantEncoder(set, encoder, recipe, variant).encode(progress));
  return load_tensors((folder / kFileName).string()).at(0).second;
}

void encode_variants(const fs::path& cache, const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe,
                     const std::vector<int64_t>& variants, const std::function<void(int64_t, int64_t)>& progress) {
  if (variants.empty()) return;
  const std::string weights = fingerprint_of(vae);
  for (const int64_t variant : variants) variant_of(cache, set, vae, weights, recipe, variant, progress);
}

LatentStore open_latent_store(const fs::path& cache, const DemonstrationSet& set, CausalVae& vae,
                              const LatentRecipe& recipe, const std::function<void(int64_t, int64_t)>& progress) {
  const std::string weights = fingerprint_of(vae);
  std::vector<at::Tensor> variants;
  for (int64_t variant = 0; variant < recipe.augmentation.variants; ++variant) {
    variants.push_back(variant_of(cache, set, vae, weights, recipe, variant, progress));
  }
  return {std::move(variants), first_rows_of(set)};
}

}  // namespace physgen
