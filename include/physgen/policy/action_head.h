#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include <physgen/layers/ada_layer_norm.h>
#include <physgen/layers/attention.h>
#include <physgen/layers/mlp.h>
#include <physgen/policy/model_config.h>

namespace physgen {

/// Keys and values of a condition for one block, [n, H, K, d]: made once for all denoising steps.
struct ConditionKeys {
  at::Tensor keys, values;
  at::Tensor rows;  ///< both as rows, [n, K, 2 width]
};

/// One block of the Action-DiT: self-attention, cross-attention and MLP, each modulated by the timestep (AdaLN-Zero,
/// arXiv 2212.09748).
class ActionBlockImpl : public torch::nn::Module {
 public:
  ActionBlockImpl(int64_t width, int64_t heads, int64_t condition_width);

  /// @param condition  [n, K, condition width]
  ConditionKeys embed_condition(const at::Tensor& condition) const;

  /// @param x           [n R, tokens, width], R samples a condition
  /// @param modulation  9 of [n R or 1, 1, width], as `embed_timesteps` gives them: shift, 1 + scale, gate of each part
  at::Tensor forward(at::Tensor x, const std::vector<at::Tensor>& modulation, const ConditionKeys& condition) const;

  AdaLayerNorm modulation;
  Attention self_attention;
  LoraLinear query, key_value, cross_proj;
  Mlp mlp;

 private:
  at::Tensor attend_condition(const at::Tensor& x, const ConditionKeys& condition) const;

  int64_t heads_;
};
TORCH_MODULE(ActionBlock);

/// The Action-DiT: denoises the actions of several chunks jointly (lookahead multi-token prediction), conditioned on
/// the outputs of the causal transformer at a pack by cross-attention. With discrete actions it classifies each element
/// into bins in one pass, without noise.
class ActionHeadImpl : public torch::nn::Module {
 public:
  /// @param condition_width  C, of the backbone
  /// @param chunk            L
  ActionHeadImpl(const ActionHeadConfig& config, int64_t condition_width, int64_t chunk, int64_t action_width);

  /// @param condition  [n, K, C]  @return one a block
  std::vector<ConditionKeys> embed_condition(const at::Tensor& condition);

  /// Modulations of timesteps [m] (int64): those of each block, then the final 1 + scale and shift; [m, 1, width]
  /// each.
  std::vector<std::vector<at::Tensor>> embed_timesteps(const at::Tensor& timesteps);

  /// @param x            noisy actions [n R, chunks L, A]
  /// @param modulations  of n R timesteps, or of one
  /// @return prediction [n R, chunks L, A]; with discrete actions logits [n R, chunks L, A, bins]
  at::Tensor forward(const at::Tensor& x, const std::vector<std::vector<at::Tensor>>& modulations,
                     const std::vector<ConditionKeys>& condition);

  /// Where in which chunk each token is, [chunks L, width].
  at::Tensor positions() const;
  /// Outputs [n R, chunks L, ...] as `forward` returns them.
  at::Tensor shaped(const at::Tensor& outputs) const;

  int64_t tokens() const { return config_.chunks * chunk_; }
  const ActionHeadConfig& config() const { return config_; }

  torch::nn::Linear input, output;
  torch::nn::LayerNorm condition_norm;
  at::Tensor chunk_token;  ///< [chunks, width]
  at::Tensor slot_token;   ///< [L, width]
  Mlp timestep_proj;
  torch::nn::ModuleList blocks;
  AdaLayerNorm final_modulation;

 private:
  ActionHeadConfig config_;
  int64_t chunk_, action_width_;
};
TORCH_MODULE(ActionHead);

/// The bin of each value in [-1, 1], and the centre of each bin.
at::Tensor bins_of(const at::Tensor& values, int64_t bins);
at::Tensor values_of(const at::Tensor& indices, int64_t bins);

}  // namespace physgen
