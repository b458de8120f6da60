#include <physgen/text/phi_encoder.h>

#include <torch/torch.h>

#include <physgen/core/error.h>

namespace physgen {
namespace {

int64_t rotary_width(const PhiConfig& config) {
  const auto width = static_cast<double>(config.width / config.heads);
  return static_cast<int64_t>(config.rotary_share * width);
}

// Angles of the positions 0 to L - 1, [L, r / 2].
at::Tensor rotary_angles(const PhiConfig& config, int64_t length) {
  const int64_t width = rotary_width(config);
  const at::Tensor exponents = at::arange(0, width, 2).to(at::kFloat) / static_cast<double>(width);
  return at::outer(at::arange(length).to(at::kFloat), at::pow(config.rope_theta, exponents).reciprocal());
}

// x [1, L, H, d]: the halves of the first dims are rotated, the rest stays.
at::Tensor rotated(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) {
  const int64_t half = cosine.size(1);
  const at::Tensor c = cosine.unsqueeze(1), s = sine.unsqueeze(1);  // [L, 1, r / 2]
  const at::Tensor first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
  const at::Tensor rest = x.narrow(-1, 2 * half, x.size(-1) - 2 * half);
  return at::cat({first * c - second * s, second * c + first * s, rest}, -1);
}

at::Tensor normalized(const torch::nn::LayerNorm& norm, const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  return at::layer_norm(x, {x.size(-1)}, norm->weight.to(type), norm->bias.to(type), norm->options.eps());
}

torch::nn::LayerNorm layer_norm(const PhiConfig& config) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({config.width}).eps(config.norm_eps));
}

}  // namespace

PhiLinearImpl::PhiLinearImpl(int64_t in, int64_t out)
    : weight(register_parameter("weight", at::empty({out, in}))), bias(register_parameter("bias", at::empty({out}))) {}

at::Tensor PhiLinearImpl::forward(const at::Tensor& x) const {
  return at::linear(x, weight.to(x.scalar_type()), bias.to(x.scalar_type()));
}

PhiEmbeddingImpl::PhiEmbeddingImpl(int64_t rows, int64_t width)
    : weight(register_parameter("weight", at::empty({rows, width}))) {}

at::Tensor PhiEmbeddingImpl::forward(const at::Tensor& ids, at::ScalarType dtype) const {
  return weight.index_select(0, ids.to(weight.device())).to(dtype);
}

PhiAttentionImpl::PhiAttentionImpl(const PhiConfig& config)
    : q_proj(register_module("q_proj", PhiLinear(config.width, config.width))),
      k_proj(register_module("k_proj", PhiLinear(config.width, config.width))),
      v_proj(register_module("v_proj", PhiLinear(config.width, config.width))),
      dense(register_module("dense", PhiLinear(config.width, config.width))),
      heads_(config.heads) {}

at::Tensor PhiAttentionImpl::forward(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) const {
  const auto heads_of = [&](const at::Tensor& y) { return y.unflatten(-1, {heads_, -1}); };  // [1, L, H, d]
  const at::Tensor q = rotated(heads_of(q_proj->forward(x)), cosine, sine).transpose(1, 2);
  const at::Tensor k = rotated(heads_of(k_proj->forward(x)), cosine, sine).transpose(1, 2);
  const at::Tensor v = heads_of(v_proj->forward(x)).transpose(1, 2);
  const at::Tensor seen = at::scaled_dot_product_attention(q, k, v, {}, 0, /*is_causal=*/true);
  return dense->forward(seen.transpose(1, 2).flatten(2));
}

PhiMlpImpl::PhiMlpImpl(const PhiConfig& config)
    : fc1(register_module("fc1", PhiLinear(config.width, config.hidden))),
      fc2(register_module("fc2", PhiLinear(config.hidden, config.width))) {}

at::Tensor PhiMlpImpl::forward(const at::Tensor& x) const { return fc2->forward(at::gelu(fc1->forward(x), "tanh")); }

PhiLayerImpl::PhiLayerImpl(const PhiConfig& config)
    : self_attn(register_module("self_attn", PhiAttention(config))),
      mlp(register_module("mlp", PhiMlp(config))),
      input_layernorm(register_module("input_layernorm", layer_norm(config))) {}

at::Tensor PhiLayerImpl::forward(const at::Tensor& x, const at::Tensor& cosine, const at::Tensor& sine) const {
  const at::Tensor h = normalized(input_layernorm, x);
  return (self_attn->forward(h, cosine, sine) + mlp->forward(h)) + x;
}

PhiEncoderImpl::PhiEncoderImpl(const PhiConfig& phi_config)
    : config(phi_config),
      embed_tokens(register_module("embed_tokens", PhiEmbedding(config.vocabulary, config.width))),
      layers(register_module("layers", torch::nn::ModuleList())),
      final_layernorm(register_module("final_layernorm", layer_norm(config))) {
  for (int64_t i = 0; i < config.depth; ++i) layers->push_back(PhiLayer(config));
}

at::Tensor PhiEncoderImpl::forward(const std::vector<int64_t>& ids, at::ScalarType dtype) const {
  TORCH_CHECK_VALUE(!ids.empty(), "[PhiEncoder] a text without tokens has no hidden states");
  const torch::NoGradGuard no_grad;
  const at::Device device = embed_tokens->weight.device();
  const at::Tensor angles = rotary_angles(config, static_cast<int64_t>(ids.size()));
  const at::TensorOptions options = at::TensorOptions(dtype).device(device);
  const at::Tensor cosine = angles.cos().to(options), sine = angles.sin().to(options);
  at::Tensor x = embed_tokens->forward(at::tensor(ids, at::kLong), dtype).unsqueeze(0);
  for (const auto& layer : *layers) x = layer->as<PhiLayer>()->forward(x, cosine, sine);
  return normalized(final_layernorm, x)[0];
}

void check_sizes(const PhiConfig& config, const std::string& where) {
  const bool splits = config.width % config.heads == 0;
  const int64_t rotary = splits ? rotary_width(config) : 0;
  if (rotary > 0 && rotary % 2 == 0 && rotary <= config.width / config.heads) return;
  throw ConfigError({.what = "the text encoder's width does not split into heads with pairs of rotary dims",
                     .where = where,
                     .got = "width " + std::to_string(config.width) + ", " + std::to_string(config.heads) +
                            " heads, rotary share " + std::to_string(config.rotary_share),
                     .expected = "heads that divide the width, an even number of rotary dims each"});
}

}  // namespace physgen
