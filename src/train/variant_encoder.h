#pragma once

#include <functional>
#include <vector>

#include <physgen/vae/frame_encoder.h>

#include "data/frame_stream.h"
#include "train/latent_store.h"

namespace physgen {

/// Frames that the VAE encodes at once.
inline constexpr int64_t kFramesAtOnce = 16;

/// The frame that each episode of a set begins with in its latents, and the end.
std::vector<int64_t> first_rows_of(const DemonstrationSet& set);

/// Some episodes of a set: [first, end).
struct EpisodeRange {
  int64_t first = 0, end = 0;
  bool empty() const { return first == end; }
};

/// Those of one of several ranks, with about as many frames as any other's; all ranks' together are all episodes.
EpisodeRange episodes_of(const WorkShare& share, const std::vector<int64_t>& first_rows);

/// Encodes the frames of some episodes as one variant of them.
class VariantEncoder {
 public:
  /// All must outlive this.
  VariantEncoder(const DemonstrationSet& set, const FrameEncoder& encoder, const LatentRecipe& recipe, int64_t variant,
                 EpisodeRange episodes);

  /// The latents of all frames [n, C, h, w]; undefined without episodes. Throws as `open_latent_store` does.
  at::Tensor encode(const std::function<void(int64_t frames, int64_t total)>& progress);

 private:
  at::Tensor encode(int64_t episode, int64_t count);
  at::Tensor next_canvases(int64_t count);

  const DemonstrationSet& set_;
  const FrameEncoder& encoder_;
  const LatentRecipe& recipe_;
  int64_t variant_;
  EpisodeRange episodes_;
  std::vector<int64_t> rows_;
  FrameStream<Image> frames_;
};

}  // namespace physgen
