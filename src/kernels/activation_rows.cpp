#include "kernels/activation_rows.h"

#include "kernels/every_cpu.h"
#include "kernels/fast_exp.h"
#include "kernels/gelu.h"

namespace physgen {
namespace {

struct Gelu {
  [[gnu::always_inline]] static ActivationPoint at(float x) { return gelu_at(x); }
};

struct Silu {
  [[gnu::always_inline]] static ActivationPoint at(float x) {
    const float share = 1.0f / (1.0f + fast_exp(-x));
    return {x * share, share * (1.0f + x * (1.0f - share))};
  }
};

template <class Function>
[[gnu::always_inline]] inline void activate(const ActivationRows& work) {
  const float* __restrict bias = work.bias;
  for (int64_t row = 0; row < work.rows; ++row) {
    const Bfloat16Bits* __restrict x = work.x + row * work.width;
    Bfloat16Bits* __restrict y = work.y + row * work.width;
    for (int64_t i = 0; i < work.width; ++i) store(Function::at(load(x[i]) + bias[i]).value, y[i]);
  }
}

template <class Function>
[[gnu::always_inline]] inline void differentiate(const ActivationGradients& work) {
  const float* __restrict bias = work.bias;
  float* __restrict dbias = work.dbias;
  for (int64_t row = 0; row < work.rows; ++row) {
    const int64_t first = row * work.width;
    const Bfloat16Bits* __restrict x = work.x + first, * __restrict dy = work.dy + first;
    Bfloat16Bits* __restrict dx = work.dx + first;
    for (int64_t i = 0; i < work.width; ++i) {
      const float gradient = load(dy[i]) * Function::at(load(x[i]) + bias[i]).slope;
      store(gradient, dx[i]);
      dbias[i] += gradient;
    }
  }
}

}  // namespace

EVERY_CPU void gelu_rows(const ActivationRows& work) { activate<Gelu>(work); }
EVERY_CPU void silu_rows(const ActivationRows& work) { activate<Silu>(work); }
EVERY_CPU void gelu_gradient_rows(const ActivationGradients& work) { differentiate<Gelu>(work); }
EVERY_CPU void silu_gradient_rows(const ActivationGradients& work) { differentiate<Silu>(work); }

}  // namespace physgen
