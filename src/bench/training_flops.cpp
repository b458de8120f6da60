#include "bench/training_flops.h"

namespace physgen {
namespace {

using Count = double;  // a full-size step is beyond 2^53 in no case that matters

// Rows through a matrix of `weights` numbers.
Count linear(Count rows, Count weights) { return 2 * rows * weights; }

// `rows` queries of `width` numbers, each against `keys` keys and values.
Count attention(Count rows, Count keys, Count width) { return 4 * rows * keys * width; }

Count transformer(Count sequences, Count length, Count width, Count depth) {
  const Count rows = sequences * length;
  return depth * (linear(rows, 12 * width * width) + attention(rows, length, width));
}

Count observation(const NovaConfig& nova, Count frames, Count known, Count repeats) {
  const auto width = static_cast<Count>(nova.width), decoder = static_cast<Count>(nova.decoder_width);
  const auto patches = static_cast<Count>(nova.image_tokens()), condition = static_cast<Count>(nova.video_tokens());
  const Count half = static_cast<Count>(nova.image_depth) / 2, masked = frames * (patches - known);
  const Count encoder =
      transformer(frames, condition + known, width, half) + transformer(frames, condition + patches, width, half);
  const Count each_row = (5 * static_cast<Count>(nova.decoder_depth) + 2) * decoder * decoder +
                         2 * static_cast<Count>(nova.image_patch_values()) * decoder;
  return encoder + linear(masked, decoder * (width + decoder)) + linear(masked * repeats, each_row);
}

Count action(const ModelConfig& model, Count packs, Count repeats) {
  const ActionHeadConfig& head = model.head;
  const PackLayout layout = model.layout();
  const auto width = static_cast<Count>(head.width), depth = static_cast<Count>(head.depth);
  const auto tokens = static_cast<Count>(head.chunks * model.codec.chunk);
  const auto keys = static_cast<Count>(head.condition == HeadCondition::pack ? layout.pack() : layout.actions);
  const Count rows = packs * repeats * tokens;
  const Count block = linear(rows, 14 * width * width) + attention(rows, tokens + keys, width) +
                      linear(packs * keys, 2 * width * static_cast<Count>(model.backbone.width)) +
                      linear(packs * repeats, 9 * width * width);
  return depth * block + linear(rows, 2 * width * static_cast<Count>(model.codec.action_width));
}

// The convolutions of the frames' stem and what is made of their features.
Count stem(const NovaConfig& nova, Count channels, Count frames) {
  const Count places = static_cast<Count>(nova.latent_height * nova.latent_width);
  const Count convolutions = 9 * channels * (static_cast<Count>(nova.latent_channels) + 2 * channels);
  return linear(frames * places, convolutions + channels * static_cast<Count>(nova.width));
}

}  // namespace

double training_flops(const ModelConfig& model, const LossConfig& loss, TrainMode mode, int64_t windows,
                      int64_t known) {
  const auto batch = static_cast<Count>(windows), packs = batch * static_cast<Count>(model.packs);
  const auto repeats = static_cast<Count>(loss.timesteps);
  Count forward = transformer(batch, static_cast<Count>(model.layout().length(model.packs)),
                              static_cast<Count>(model.backbone.width), static_cast<Count>(model.backbone.video_depth));
  forward += stem(model.backbone, static_cast<Count>(model.codec.stem_channels), packs);
  if (loss.observation) forward += observation(model.backbone, packs, static_cast<Count>(known), repeats);
  if (loss.action) forward += action(model, packs, repeats);
  return forward * (mode == TrainMode::full ? 3 : 2);
}

}  // namespace physgen
