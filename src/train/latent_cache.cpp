#include "train/latent_cache.h"

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>
#include <physgen/layers/state_dict.h>

#include "files/atomic_file.h"
#include "files/safetensors.h"
#include "files/sha256.h"
#include "train/variant_encoder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

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

bool is_of(const fs::path& folder, const std::string& identity) {
  const std::map<std::string, std::string> metadata = SafetensorsFile::open(folder / kFileName).metadata();
  const auto found = metadata.find(kRecipeKey);
  return found != metadata.end() && found->second == identity;
}

at::Tensor find_latents(const fs::path& folder, const std::string& identity, int64_t rows) {
  try {
    recover_directory(folder);
    if (!fs::exists(folder)) return {};
    verify_manifest(folder);
    if (!is_of(folder, identity)) return {};
    const NamedTensors tensors = load_tensors((folder / kFileName).string());
    const bool fits = tensors.size() == 1 && tensors[0].second.dim() == 4 && tensors[0].second.size(0) == rows;
    return fits ? tensors[0].second : at::Tensor();
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

int64_t rows_of(const DemonstrationSet& set, const WorkShare& share) {
  const std::vector<int64_t> rows = first_rows_of(set);
  const EpisodeRange episodes = episodes_of(share, rows);
  return rows[static_cast<size_t>(episodes.end)] - rows[static_cast<size_t>(episodes.first)];
}

}  // namespace

LatentCache::LatentCache(fs::path folder, const DemonstrationSet& set, CausalVae& vae, const LatentRecipe& recipe)
    : folder_(std::move(folder)),
      set_(set),
      recipe_(recipe),
      vae_config_(vae->config),
      vae_weights_(fingerprint_of(vae)) {}

// Everything that the bytes of one variant depend on, as text.
std::string LatentCache::identity_of(int64_t variant) const {
  std::string text = "vae " + vae_weights_ + "\n" + write_config(vae_config_) + write_config(recipe_.canvas) +
                     set_.hashes + std::to_string(set_.dataset.recording().frames_per_second) + " steps a second\n";
  text += std::string(at::toString(recipe_.dtype)) + " on " + at::DeviceTypeName(recipe_.device.type(), true) +
          ", variant " + std::to_string(variant);
  if (variant == 0) return text;
  return text + " of seed " + std::to_string(recipe_.seed) + "\n" + write_config(recipe_.augmentation.change);
}

fs::path LatentCache::folder_of(int64_t variant) const {
  return folder_ / ("latents-" + sha256_of_text(identity_of(variant)).substr(0, 16));
}

fs::path LatentCache::folder_of(int64_t variant, const WorkShare& share) const {
  return folder_of(variant).string() + "-part-" + std::to_string(share.rank) + "-of-" + std::to_string(share.ranks);
}

bool LatentCache::holds(int64_t variant) const {
  try {
    return fs::exists(folder_of(variant)) && is_of(folder_of(variant), identity_of(variant));
  } catch (const Error&) {
    return false;
  }
}

at::Tensor LatentCache::find(int64_t variant) const {
  return find_latents(folder_of(variant), identity_of(variant), first_rows_of(set_).back());
}

at::Tensor LatentCache::find(int64_t variant, const WorkShare& share) const {
  return find_latents(folder_of(variant, share), identity_of(variant), rows_of(set_, share));
}

void LatentCache::save(int64_t variant, const at::Tensor& latents) const {
  save_latents(folder_of(variant), identity_of(variant), latents);
}

void LatentCache::save(int64_t variant, const WorkShare& share, const at::Tensor& latents) const {
  save_latents(folder_of(variant, share), identity_of(variant), latents);
}

void LatentCache::remove_parts(int64_t variant, int64_t ranks) const {
  for (int64_t rank = 0; rank < ranks; ++rank) fs::remove_all(folder_of(variant, {rank, ranks}));
}

}  // namespace physgen
