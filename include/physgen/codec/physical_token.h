#pragma once

#include <torch/nn/modules/linear.h>

#include <physgen/backbone/nova.h>
#include <physgen/codec/frame_stem.h>
#include <physgen/codec/pack_layout.h>
#include <physgen/layers/mlp.h>

namespace physgen {

/// Turns frames, states and actions into the tokens of packs (section 3.1 of the paper): the frame's patches through
/// the backbone's embedding, each action through an MLP, and a learned Begin-of-Action where an action is not known.
class PhysicalTokenImpl : public torch::nn::Module {
 public:
  /// @param nova  of the backbone; with absolute positions actions carry their slot's embedding besides the time's
  PhysicalTokenImpl(const CodecConfig& config, const NovaConfig& nova);

  /// The tokens of packs [first, first + P), without the prefix.
  /// @param patches  [B, P, M, values] of O_p, as `patchify` with the video patch gives them
  /// @param actions  [B, P, L, A] normalised A_p; those of pack 0 and slots from `executed` on are not read
  /// @param states   [B, P, S], read with `state_token` only
  /// @param executed  actions of a chunk that were executed before its frame was seen, 1 to L
  /// @return [B, P, pack, C]
  at::Tensor forward(Nova& nova, const at::Tensor& patches, const at::Tensor& actions, const at::Tensor& states,
                     int64_t first, int64_t executed);

  Mlp action_tokenizer;
  at::Tensor begin_of_action;            ///< [1, C]
  torch::nn::Linear slot_proj{nullptr};  ///< absolute positions only
  Mlp state_tokenizer{nullptr};          ///< with `state_token` only
  FrameStem frame_stem{nullptr};         ///< with `stem_channels` only

 private:
  at::Tensor action_tokens(const at::Tensor& actions, int64_t first, int64_t executed);

  CodecConfig config_;
  int64_t width_;
  TableCache tables_;
};
TORCH_MODULE(PhysicalToken);

/// Rotary angles of one pack's tokens, float32 [pack, d/2]. Frames: NOVA's (p + 1, h, w). Action k of pack p: 1-D at
/// chunk * p + k with its own theta. The state token: (p + 1, 0, 0).
at::Tensor pack_angles(const NovaConfig& nova, const CodecConfig& codec, const PackLayout& layout, int64_t pack_index);

}  // namespace physgen
