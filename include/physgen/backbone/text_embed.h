#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <physgen/text/text_features.h>

namespace physgen {

/// Text features as tokens: LN(proj(x)); slots without text take the rows of a null table.
/// Reference: diffnext/models/embeddings.py TextEmbed.
class TextEmbedImpl : public torch::nn::Module {
 public:
  TextEmbedImpl(int64_t text_width, int64_t width, int64_t slots, int64_t rows);

  /// @param features  of B instructions; an undefined `values` means B null instructions
  /// @param batch     B
  /// @return [B, slots, width]
  at::Tensor forward(const TextFeatures& features, int64_t batch);

  at::Tensor weight;  ///< [rows, text_width], a buffer
  torch::nn::Linear proj;
  torch::nn::LayerNorm norm;

 private:
  int64_t slots_;
};
TORCH_MODULE(TextEmbed);

}  // namespace physgen
