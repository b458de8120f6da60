#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <memory>

namespace physgen {

class PackedLinear;

/// A linear layer that can carry a low-rank adapter: y = x W^T + b + (alpha / r) x A^T B^T (arXiv 2106.09685, eq. 3).
/// Without an adapter its tensors are those of torch.nn.Linear. W [out, in], A [r, in], B [out, r].
/// The weights are not initialised (see initialization.h): a model that is loaded next should not pay for it.
class LoraLinearImpl : public torch::nn::Module {
 public:
  LoraLinearImpl(int64_t in, int64_t out, bool with_bias = true);

  /// x [..., in] -> [..., out]
  at::Tensor forward(const at::Tensor& x) const;

  /// Adds an adapter of rank `rank` (A random, B zero: the output is unchanged) and freezes W and b.
  void attach_adapter(int64_t rank, double alpha);
  /// Adds the adapter into W and removes it.
  void merge_adapter();
  bool has_adapter() const { return lora_a.defined(); }

  /// gelu(forward(x))
  at::Tensor forward_gelu(const at::Tensor& x) const;

  /// Packs the weights for few rows: without gradients, in float32 on the CPU, a copy of them is read from now on.
  /// They are not loaded or changed any more. Not with an adapter.
  void pack();

  at::Tensor weight, bias, lora_a, lora_b;

 private:
  const PackedLinear* packed_for(const at::Tensor& x) const;

  double adapter_scale_ = 0;
  std::shared_ptr<const PackedLinear> packed_;
};
TORCH_MODULE(LoraLinear);

}  // namespace physgen
