#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/normalization.h>

#include <physgen/core/config.h>

namespace physgen {

/// The sizes of a Phi text encoder; the defaults are those of Phi-2.
struct PhiConfig {
  int64_t vocabulary = 51200;
  int64_t width = 2560;
  int64_t hidden = 10240;  ///< of the MLPs
  int64_t depth = 32;
  int64_t heads = 32;
  double rotary_share = 0.4;  ///< of a head's dims that carry positions
  double rope_theta = 10000;
  double norm_eps = 1e-5;
};

template <class Field>
void describe(PhiConfig& config, Field& field) {
  field("vocabulary", config.vocabulary, {.least = 1, .most = 1 << 24});
  field("width", config.width, {.least = 1, .most = 1 << 16});
  field("hidden", config.hidden, {.least = 1, .most = 1 << 20});
  field("depth", config.depth, {.least = 1, .most = 1024});
  field("heads", config.heads, {.least = 1, .most = 1024});
  field("rotary_share", config.rotary_share, {.least = 0, .most = 1});
  field("rope_theta", config.rope_theta, {.least = 1});
  field("norm_eps", config.norm_eps, {.least = 0, .most = 1});
}

/// y = x W^T + b, the weight cast to the dtype of x: a text encoder stays as it lies in its file and computes in
/// another precision, one matrix at a time.
class PhiLinearImpl : public torch::nn::Module {
 public:
  PhiLinearImpl(int64_t in, int64_t out);
  at::Tensor forward(const at::Tensor& x) const;
  at::Tensor weight, bias;
};
TORCH_MODULE(PhiLinear);

/// Rows of a table by id, in another precision than it is kept.
class PhiEmbeddingImpl : public torch::nn::Module {
 public:
  PhiEmbeddingImpl(int64_t rows, int64_t width);
  /// ids [L] int64 -> [L, width]
  at::Tensor forward(const at::Tensor& ids, at::ScalarType dtype) const;
  at::Tensor weight;
};
TORCH_MODULE(PhiEmbedding);

/// Causal attention, of which each head's first dims carry rotary positions (halves, not pairs).
class PhiAttentionImpl : public torch::nn::Module {
 public:
  explicit PhiAttentionImpl(const PhiConfig& config);
  /// x [1, L, W]; cosine and sine [L, r / 2]
  at::Tensor forward(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) const;
  PhiLinear q_proj, k_proj, v_proj, dense;

 private:
  int64_t heads_;
};
TORCH_MODULE(PhiAttention);

class PhiMlpImpl : public torch::nn::Module {
 public:
  explicit PhiMlpImpl(const PhiConfig& config);
  /// fc2(gelu(fc1(x))), the tanh approximation
  at::Tensor forward(const at::Tensor& x) const;
  PhiLinear fc1, fc2;
};
TORCH_MODULE(PhiMlp);

/// x + (attention(n) + mlp(n)), n = LN(x).
class PhiLayerImpl : public torch::nn::Module {
 public:
  explicit PhiLayerImpl(const PhiConfig& config);
  at::Tensor forward(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) const;
  PhiAttention self_attn;
  PhiMlp mlp;
  torch::nn::LayerNorm input_layernorm;
};
TORCH_MODULE(PhiLayer);

/// Phi-2 as a text encoder: its last hidden states (without `lm_head`, which it does not use). The weights are not
/// initialised: they come from a file. Reference: diffnext/models/text_encoders/phi.py PhiModel.
class PhiEncoderImpl : public torch::nn::Module {
 public:
  explicit PhiEncoderImpl(const PhiConfig& config);

  /// @param ids    at least one, each below the vocabulary's size
  /// @param dtype  to compute in
  /// @return the hidden states of the tokens, [L, width]
  at::Tensor forward(const std::vector<int64_t>& ids, at::ScalarType dtype = at::kFloat) const;

  const PhiConfig config;
  PhiEmbedding embed_tokens;
  torch::nn::ModuleList layers;
  torch::nn::LayerNorm final_layernorm;
};
TORCH_MODULE(PhiEncoder);

/// Throws ConfigError where the sizes do not go together. @param where  the config's name, for errors
void check_sizes(const PhiConfig& config, const std::string& where);

}  // namespace physgen
