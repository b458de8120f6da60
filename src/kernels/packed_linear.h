#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace physgen {

struct PanelProduct;
class AmxWeights;

/// What a product does to its rows before and after it, in the same pass.
struct RowWork {
  at::Tensor gain = {},
             shift = {};     ///< [in]: the rows are normalised first, LN(x) gain + shift; undefined: they are not
  double eps = 1e-6;         ///< of the norm
  bool gelu = false;         ///< of the product
  at::Tensor residual = {};  ///< as y: residual + gate * product; undefined: the product
  at::Tensor gate = {};      ///< [out]; undefined: 1
};

/// A linear layer on the CPU for few rows, where calls and passes over memory take more time than the product: its
/// weights lie as the product reads them, and what comes before and after it is done in the same pass.
class PackedLinear {
 public:
  /// @param weight  [out, in], copied: float32, or bfloat16, for sizes that `fits_amx`
  /// @param bias  [out], or undefined
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias);

  /// Whether `forward` takes x: rows of the weight's type, where no gradient is asked for and its kernels serve.
  bool takes(const at::Tensor& x) const;

  /// x [..., in] -> [..., out]. @param work  in bfloat16 `gelu` alone
  at::Tensor forward(const at::Tensor& x, const RowWork& work = {}) const;

 private:
  PanelProduct product_of(int64_t panel, const at::Tensor& rows, const RowWork& work, const at::Tensor& y) const;

  at::Tensor forward_bfloat16(const at::Tensor& x, const RowWork& work) const;

  int64_t in_, out_;
  at::Tensor panels_, bias_;  // [panels, in, kPanel], [panels, kPanel]; of bfloat16 the bias alone
  std::shared_ptr<const AmxWeights> amx_;
};

}  // namespace physgen
