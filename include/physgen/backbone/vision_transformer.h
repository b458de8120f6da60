#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/normalization.h>

#include <physgen/layers/ada_layer_norm.h>
#include <physgen/layers/patch_embed.h>
#include <physgen/layers/transformer_block.h>

namespace physgen {

/// Windows of one length among the rows of a batch in which others have another length.
struct TokenGroup {
  int64_t windows = 0, length = 0;
  at::Tensor mask = {};                            ///< additive [length, keys], or undefined
  RotaryTable rotary = {};                         ///< of a window's tokens, or an undefined table
  std::vector<std::vector<KvCache>*> caches = {};  ///< of each window one a block, or none
  std::vector<RowRange> outputs = {};              ///< of a window, those that are returned; none: all
};

/// NOVA's transformer: the causal video encoder, and the image encoder that completes a masked frame.
/// Reference: diffnext/models/vision_transformer.py.
class VisionTransformerImpl : public torch::nn::Module {
 public:
  /// @param mixer_rank  bottleneck of the mixer; 0: no mixer, -1: a mixer without a bottleneck
  VisionTransformerImpl(int64_t channels, int64_t patch, int64_t width, int64_t heads, int64_t depth,
                        int64_t mixer_rank = 0);

  /// All blocks over tokens that carry their positions already.
  /// @param x       [B, L, C]
  /// @param mask    additive [L, keys], or undefined
  /// @param caches  one a block, or empty
  /// @param outputs  rows of x whose outputs are returned, which spares the last block the others; none: all
  /// @return normalised outputs [B, outputs, C]
  at::Tensor encode(at::Tensor x, const at::Tensor& mask, const RotaryTable& rotary, std::vector<KvCache>& caches,
                    const std::vector<RowRange>& outputs = {});

  /// The same for windows of several lengths, together.
  /// @param x  the rows of the groups' windows, one after the other [rows, C]
  /// @return the rows of their outputs, likewise
  at::Tensor encode(at::Tensor x, const std::vector<TokenGroup>& groups);

  /// The first half of the blocks sees the condition and the known tokens, the second half all tokens.
  /// @param x          [F, N, C], unknown tokens masked, with positions
  /// @param known_ids  [F, n] int64
  /// @param condition  [F, M, C]
  /// @param rotary     of the N tokens, or an undefined table; condition tokens are at position zero
  /// @return [F, N, C]
  at::Tensor complete(const at::Tensor& x, const at::Tensor& known_ids, const at::Tensor& condition,
                      const RotaryTable& rotary);

  /// The anchor frame's outputs, scaled and shifted by those of another. @param anchor, x  [..., M, C]
  /// Returns x unchanged where there is no mixer.
  at::Tensor mix(const at::Tensor& anchor, const at::Tensor& x) const;

  /// Packs the weights of all blocks, see LoraLinear::pack.
  void pack();

  int64_t depth() const { return static_cast<int64_t>(blocks->size()); }

  PatchEmbed patch_embed;
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm norm;
  AdaLayerNorm mixer{nullptr};

  /// Trains with the activations of one block at a time: the backward pass computes each block again.
  bool checkpoint_activations = false;

 private:
  at::Tensor run(at::Tensor x, int64_t first, int64_t last, const RotaryTable& rotary);
  at::Tensor run_block(int64_t index, const at::Tensor& x, const at::Tensor& mask, const RotaryTable& rotary,
                       KvCache* cache, const std::vector<RowRange>& outputs = {});
};
TORCH_MODULE(VisionTransformer);

}  // namespace physgen
