#include <physgen/text/byte_encoder.h>

#include <algorithm>

#include <torch/torch.h>

#include <physgen/core/error.h>

namespace physgen {
namespace {

constexpr int64_t kPadding = 256;  // the row after the last byte's fills up a slot

}  // namespace

ByteEncoderImpl::ByteEncoderImpl(int64_t slots, int64_t slot_bytes, int64_t width)
    : slots_(slots), slot_bytes_(slot_bytes) {
  TORCH_CHECK_VALUE(width % slot_bytes == 0, "[ByteEncoder] a width of ", width, " does not hold ", slot_bytes,
                    " equal byte embeddings");
  byte_embed = register_module("byte_embed", torch::nn::Embedding(kPadding + 1, width / slot_bytes));
}

TextFeatures ByteEncoderImpl::forward(const std::vector<std::string>& instructions) {
  const auto count = static_cast<int64_t>(instructions.size()), most = slots_ * slot_bytes_;
  at::Tensor bytes = at::full({count, most}, kPadding, at::kLong);
  at::Tensor used = at::zeros({count, slots_}, at::kBool);
  for (int64_t i = 0; i < count; ++i) {
    const std::string& text = instructions[i];
    const auto length = static_cast<int64_t>(text.size());
    if (length > most) {
      throw ConfigError({.what = "the instruction is too long for this model",
                         .where = text,
                         .got = std::to_string(length) + " bytes",
                         .expected = "at most " + std::to_string(most),
                         .next_step = "shorten it, or train with a larger model.backbone.text_slots"});
    }
    std::transform(text.begin(), text.end(), bytes.mutable_data_ptr<int64_t>() + i * most,
                   [](char c) { return static_cast<uint8_t>(c); });
    std::fill_n(used.mutable_data_ptr<bool>() + i * slots_, (length + slot_bytes_ - 1) / slot_bytes_, true);
  }
  at::Tensor embedded = byte_embed->forward(bytes.to(byte_embed->weight.device()));  // [B, bytes, width / slot_bytes]
  return {embedded.view({count, slots_, -1}), used.to(byte_embed->weight.device())};
}

}  // namespace physgen
