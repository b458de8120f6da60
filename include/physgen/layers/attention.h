#pragma once

#include <vector>

#include <physgen/layers/kv_cache.h>
#include <physgen/layers/lora.h>
#include <physgen/layers/rotary_embed.h>
#include <physgen/layers/row_range.h>

namespace physgen {

/// Windows of one length among the rows of a batch in which others have another length.
struct AttentionGroup {
  int64_t windows = 0, length = 0;
  at::Tensor mask = {};                ///< additive [length, keys], or undefined
  RotaryTable rotary = {};             ///< positions of a window's tokens, or an undefined table
  std::vector<KvCache*> caches = {};   ///< one a window, or none
  std::vector<RowRange> outputs = {};  ///< of a window, those that are computed; none: all
};

/// Multi-head self-attention, qkv rows [Q | K | V] head-major.
/// Reference: diffnext/models/vision_transformer.py Attention.
class AttentionImpl : public torch::nn::Module {
 public:
  AttentionImpl(int64_t width, int64_t heads);

  /// @param x      [B, L, C]
  /// @param mask   additive [L, keys] in x's dtype, or undefined: every query sees every key
  /// @param rotary positions of x's tokens, or an undefined table
  /// @param cache  where given, x's keys and values are appended and the queries see all that it holds
  /// @param outputs  rows of x whose outputs are computed; none: all
  /// @return [B, outputs, C]
  at::Tensor forward(const at::Tensor& x, const at::Tensor& mask = {}, const RotaryTable& rotary = {},
                     KvCache* cache = nullptr, const std::vector<RowRange>& outputs = {}) const;

  /// The same for windows of several lengths: all that works on single rows is done for all of them together.
  /// @param x  the rows of the groups' windows, one after the other [rows, C]
  /// @return the rows of their outputs, likewise
  at::Tensor forward(const at::Tensor& x, const std::vector<AttentionGroup>& groups) const;

  LoraLinear qkv, proj;

 private:
  at::Tensor attend_group(const at::Tensor& rows, const AttentionGroup& group) const;

  int64_t heads_;
};
TORCH_MODULE(Attention);

/// softmax(q k^T / sqrt(d) + mask) v for [B, H, L, d]; an undefined mask is none, and is cast to q's dtype.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask = {});
/// The same by plain products, which no fused kernel is taken for.
at::Tensor attend_by_products(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                              const at::Tensor& mask = {});

/// [B, L, C] -> [B, H, L, C/H]
at::Tensor split_heads(const at::Tensor& x, int64_t heads);
/// [B, L, parts H d], the parts side by side, -> as many of [B, H, L, d]
std::vector<at::Tensor> split_parts(const at::Tensor& rows, int64_t parts, int64_t heads);
/// [B, H, L, d] -> [B, L, H d]
at::Tensor join_heads(const at::Tensor& x);

}  // namespace physgen
