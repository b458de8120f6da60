#pragma once

#include <torch/nn/modules/embedding.h>

#include <string>
#include <vector>

#include <physgen/text/text_features.h>

namespace physgen {

/// The text encoder of small models: each slot is the embeddings of a few consecutive bytes, side by side.
class ByteEncoderImpl : public torch::nn::Module {
 public:
  /// @param slots       most slots of an instruction
  /// @param slot_bytes  bytes a slot
  /// @param width       of a slot's features, a multiple of `slot_bytes`
  ByteEncoderImpl(int64_t slots, int64_t slot_bytes, int64_t width);

  /// Throws ConfigError for an instruction of more than slots x slot_bytes bytes.
  TextFeatures forward(const std::vector<std::string>& instructions);

  torch::nn::Embedding byte_embed{nullptr};

 private:
  int64_t slots_, slot_bytes_;
};
TORCH_MODULE(ByteEncoder);

}  // namespace physgen
