#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <memory>
#include <optional>
#include <string>

#include <physgen/layers/layer_use.h>
#include <physgen/layers/quantized_linear.h>

namespace physgen {

class PackedLinear;

/// A linear layer that can carry a low-rank adapter: y = x W^T + b + (alpha / r) x A^T B^T (arXiv 2106.09685, eq. 3).
/// Without an adapter its tensors are those of torch.nn.Linear. W [out, in], A [r, in], B [out, r].
/// The weights are not initialised (see <physgen/layers/initialization.h>): a model that is loaded next should not pay
/// for it.
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

  /// Packs the weights for few rows: without gradients, on the CPU, a copy of them is read from now on where that is
  /// the quicker way, in float32 and with AMX in bfloat16.
  /// They are not loaded or changed any more. Not with an adapter.
  void pack();

  /// Computes in int8 from now on, with the weights as they are now; not to be trained, and without an adapter.
  /// @param input  of the bytes of x; none: computes as before
  void quantize(const std::optional<ByteScale>& input);
  /// Tells `watch` of each computation from now on, by this name.
  void tell(const std::string& name, const LayerWatch& watch);

  at::Tensor weight, bias, lora_a, lora_b;

 private:
  const PackedLinear* packed_for(const at::Tensor& x) const;

  double adapter_scale_ = 0;
  std::shared_ptr<const PackedLinear> packed_;
  std::shared_ptr<const QuantizedLinear> int8_;
  std::string name_;
  LayerWatch watch_;
};
TORCH_MODULE(LoraLinear);

}  // namespace physgen
