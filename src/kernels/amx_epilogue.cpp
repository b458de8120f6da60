#include "kernels/amx_epilogue.h"

#include "kernels/amx_lanes.h"

namespace physgen {

#if defined(__x86_64__)

namespace {

struct Point {
  Floats value, slope;
};

// As gelu.h's, to a relative error of 1e-4, a thirtieth of a step of bfloat16.
struct Gelu {
  AMX_INLINE static Point at(const Floats& x) {
    const Floats bell = power_of_two(_mm512_mul_ps(_mm512_mul_ps(x, x), all(-0.72134752f)));
    const Floats t = _mm512_rcp14_ps(_mm512_fmadd_ps(_mm512_abs_ps(x), all(0.23164189f), all(1.0f)));
    Floats sum = all(0.5f * 1.061405429f);
    sum = _mm512_fmadd_ps(sum, t, all(0.5f * -1.453152027f));
    sum = _mm512_fmadd_ps(sum, t, all(0.5f * 1.421413741f));
    sum = _mm512_fmadd_ps(sum, t, all(0.5f * -0.284496736f));
    sum = _mm512_fmadd_ps(sum, t, all(0.5f * 0.254829592f));
    const Floats tail = _mm512_mul_ps(_mm512_mul_ps(sum, t), bell);
    const __mmask16 positive = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GE_OQ);
    const Floats below = _mm512_mask_sub_ps(tail, positive, all(1.0f), tail);
    return {_mm512_mul_ps(x, below), _mm512_fmadd_ps(_mm512_mul_ps(x, all(0.39894228f)), bell, below)};
  }
};

struct Silu {
  AMX_INLINE static Point at(const Floats& x) {
    const Floats power = power_of_two(_mm512_mul_ps(_mm512_abs_ps(x), all(-1.44269504f)));  // e^-|x|
    const Floats greater = _mm512_rcp14_ps(_mm512_add_ps(power, all(1.0f)));
    const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
    const Floats share = _mm512_mask_mul_ps(greater, negative, greater, power);
    const Floats value = _mm512_mul_ps(x, share);
    return {value, _mm512_fmadd_ps(_mm512_sub_ps(x, value), share, share)};
  }
};

struct Identity {
  AMX_INLINE static Point at(const Floats& x) { return {x, all(1.0f)}; }
};

// Both panels' numbers of a row.
AMX_INLINE Pair load_row(const float* panels, int64_t row) {
  const float* left = panels + row * kAmxPanel;
  return {_mm512_loadu_ps(left), _mm512_loadu_ps(left + kAmxRowsPanel)};
}

AMX_INLINE Pair load_bias(const float* bias) {
  if (bias == nullptr) return {_mm512_setzero_ps(), _mm512_setzero_ps()};
  return load_pair(bias);
}

template <class Function>
AMX_INLINE void activate(const AmxBiased& work) {
  const Pair bias = load_bias(work.bias);
  for (int64_t row = 0; row < work.rows; ++row) {
    const Pair x = add(load_row(work.sums, row), bias);
    store_pair({Function::at(x.left).value, Function::at(x.right).value}, work.y + row * work.stride);
  }
}

// Two rows of one panel. @return the gradients of the sums
template <class Function>
AMX_INLINE Pair differentiate_panel(const float* sums, const float* gradient, const Floats& bias, Bfloat16Bits* y_pairs,
                                    Bfloat16Bits* sum_pairs) {
  const Point first = Function::at(_mm512_add_ps(_mm512_loadu_ps(sums), bias)),
              second = Function::at(_mm512_add_ps(_mm512_loadu_ps(sums + kAmxPanel), bias));
  store_words(by_turns(round_words(first.value, second.value)), y_pairs);
  const Floats of_first = _mm512_mul_ps(first.slope, _mm512_loadu_ps(gradient)),
               of_second = _mm512_mul_ps(second.slope, _mm512_loadu_ps(gradient + kAmxPanel));
  store_words(by_turns(round_words(of_first, of_second)), sum_pairs);
  return {of_first, of_second};
}

template <class Function>
AMX_INLINE void differentiate(const AmxActivationGradient& work) {
  const Pair bias = load_bias(work.bias);
  Pair total = load_bias(work.bias_gradient);
  constexpr int64_t right = kAmxRowsPanel;
  for (int64_t row = 0; row < work.rows; row += 2) {
    const int64_t at = row * kAmxPanel;
    const Pair a = differentiate_panel<Function>(work.sums + at, work.gradient + at, bias.left, work.y_pairs + at,
                                                 work.sum_pairs + at);
    const Pair b = differentiate_panel<Function>(work.sums + right + at, work.gradient + right + at, bias.right,
                                                 work.y_pairs + right + at, work.sum_pairs + right + at);
    store_pair({a.left, b.left}, work.sum_rows + row * work.stride);
    store_pair({a.right, b.right}, work.sum_rows + (row + 1) * work.stride);
    total = add(total, {_mm512_add_ps(a.left, a.right), _mm512_add_ps(b.left, b.right)});
  }
  store_pair(total, work.bias_gradient);
}

}  // namespace

AMX_CPU void add_bias(const AmxBiased& work) { activate<Identity>(work); }
AMX_CPU void add_bias_gelu(const AmxBiased& work) { activate<Gelu>(work); }
AMX_CPU void add_bias_silu(const AmxBiased& work) { activate<Silu>(work); }
AMX_CPU void differentiate_gelu(const AmxActivationGradient& work) { differentiate<Gelu>(work); }
AMX_CPU void differentiate_silu(const AmxActivationGradient& work) { differentiate<Silu>(work); }

AMX_CPU void add_rows(const Bfloat16Bits* x, int64_t rows, int64_t width, float* sums) {
  for (int64_t column = 0; column < width; column += kAmxStep) {
    Pair total = load_bias(sums + column);
    for (int64_t row = 0; row < rows; ++row) {
      total = add(total, load_pair(x + row * width + column));
    }
    store_pair(total, sums + column);
  }
}

#else

void add_bias(const AmxBiased&) {}
void add_bias_gelu(const AmxBiased&) {}
void add_bias_silu(const AmxBiased&) {}
void differentiate_gelu(const AmxActivationGradient&) {}
void differentiate_silu(const AmxActivationGradient&) {}
void add_rows(const Bfloat16Bits*, int64_t, int64_t, float*) {}

#endif

}  // namespace physgen
