#include <physgen/backbone/text_embed.h>

#include <torch/torch.h>

namespace physgen {

TextEmbedImpl::TextEmbedImpl(int64_t text_width, int64_t width, int64_t slots, int64_t rows)
    : proj(text_width, width), norm(torch::nn::LayerNormOptions({width})), slots_(slots) {
  weight = register_buffer("weight", at::randn({rows, text_width}) * 0.02);
  register_module("proj", proj);
  register_module("norm", norm);
}

at::Tensor TextEmbedImpl::forward(const TextFeatures& features, int64_t batch) {
  at::Tensor rows = weight.narrow(0, 0, slots_).expand({batch, -1, -1});  // [B, slots, text_width]
  if (features.values.defined())
    rows = at::where(features.used.unsqueeze(-1), features.values.to(rows.options()), rows);
  return norm->forward(proj->forward(rows));
}

}  // namespace physgen
