#include "train/variant_encoder.h"

#include <algorithm>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "codec/pixels.h"
#include "core/random.h"

namespace physgen {
namespace {

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

std::vector<EpisodeFrames> frames_of(const DemonstrationSet& set, const EpisodeRange& episodes) {
  const std::vector<EpisodeFrames> all = all_frames(set.dataset);
  return {all.begin() + episodes.first, all.begin() + episodes.end};
}

}  // namespace

std::vector<int64_t> first_rows_of(const DemonstrationSet& set) {
  std::vector<int64_t> rows = {0};
  for (const Episode& episode : set.episodes) rows.push_back(rows.back() + episode.info.control_steps + 1);
  return rows;
}

EpisodeRange episodes_of(const WorkShare& share, const std::vector<int64_t>& first_rows) {
  const auto boundary = [&](int64_t rank) {
    const int64_t row = first_rows.back() * rank / share.ranks;
    return std::lower_bound(first_rows.begin(), first_rows.end(), row) - first_rows.begin();
  };
  return {boundary(share.rank), boundary(share.rank + 1)};
}

VariantEncoder::VariantEncoder(const DemonstrationSet& set, const FrameEncoder& encoder, const LatentRecipe& recipe,
                               int64_t variant, EpisodeRange episodes)
    : set_(set),
      encoder_(encoder),
      recipe_(recipe),
      variant_(variant),
      episodes_(episodes),
      rows_(first_rows_of(set)),
      frames_(set.dataset, recipe.canvas.cameras, frames_of(set, episodes), [](Image image) { return image; }) {}

at::Tensor VariantEncoder::encode(const std::function<void(int64_t, int64_t)>& progress) {
  const auto row_of = [&](int64_t episode) { return rows_[static_cast<size_t>(episode)]; };
  const int64_t begin = row_of(episodes_.first), total = row_of(episodes_.end) - begin;
  at::Tensor all;
  for (int64_t episode = episodes_.first; episode < episodes_.end; ++episode) {
    for (int64_t first = row_of(episode); first < row_of(episode + 1); first += kFramesAtOnce) {
      const int64_t count = std::min(kFramesAtOnce, row_of(episode + 1) - first);
      const at::Tensor latents = encode(episode, count);
      if (!all.defined()) all = at::empty({total, latents.size(1), latents.size(2), latents.size(3)}, recipe_.dtype);
      all.narrow(0, first - begin, count).copy_(latents);
      if (progress) progress(first - begin + count, total);
    }
  }
  return all;
}

// The next frames, which are some of one episode's.
at::Tensor VariantEncoder::encode(int64_t episode, int64_t count) {
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

at::Tensor VariantEncoder::next_canvases(int64_t count) {
  std::vector<at::Tensor> canvases;
  for (int64_t i = 0; i < count; ++i) {
    canvases.push_back(view_of(compose_canvas(frames_.next(), recipe_.canvas)).clone());
  }
  return at::stack(canvases);  // [n, H, W, 3]
}

}  // namespace physgen
