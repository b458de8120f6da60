#pragma once

#if defined(__x86_64__)

// GCC 12 warns of the registers that its own header leaves undefined on purpose (its bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop

#include "kernels/amx.h"

/// A function of this header, for those compiled as AMX_CPU.
#define AMX_INLINE AMX_CPU [[gnu::always_inline]] inline

namespace physgen {

// Registers for the loops beside AMX's products.

using Floats = __m512;  ///< 16 numbers of float32
using Words = __m512i;  ///< 32 numbers of bfloat16, or 16 pairs of them

AMX_INLINE Words load_words(const Bfloat16Bits* from) { return _mm512_loadu_si512(from); }
AMX_INLINE void store_words(const Words& words, Bfloat16Bits* to) { _mm512_storeu_si512(to, words); }

/// The numbers of `first`, then those of `second`, rounded to nearest even.
AMX_INLINE Words round_words(const Floats& first, const Floats& second) {
  return reinterpret_cast<Words>(_mm512_cvtne2ps_pbh(second, first));
}

/// 16 numbers from each of two places.
AMX_INLINE Words load_halves(const Bfloat16Bits* first, const Bfloat16Bits* second) {
  const auto half = [](const Bfloat16Bits* from) { return reinterpret_cast<const __m256i*>(from); };
  const Words low = _mm512_castsi256_si512(_mm256_loadu_si256(half(first)));
  return _mm512_inserti64x4(low, _mm256_loadu_si256(half(second)), 1);
}

/// The numbers of the first and of the second half by turns.
AMX_INLINE Words by_turns(const Words& halves) {
  const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(halves)),
                high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(halves, 1));
  return _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
}

/// The 16 numbers of a half as float32.
AMX_INLINE Floats low_floats(const Words& words) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(words)), 16));
}
AMX_INLINE Floats high_floats(const Words& words) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(words, 1)), 16));
}

/// 32 numbers beside each other.
struct Pair {
  Floats left, right;
};

AMX_INLINE Pair load_pair(const float* from) { return {_mm512_loadu_ps(from), _mm512_loadu_ps(from + 16)}; }
AMX_INLINE Pair load_pair(const Bfloat16Bits* from) {
  const Words words = load_words(from);
  return {low_floats(words), high_floats(words)};
}

AMX_INLINE void store_pair(const Pair& x, float* to) {
  _mm512_storeu_ps(to, x.left);
  _mm512_storeu_ps(to + 16, x.right);
}
AMX_INLINE void store_pair(const Pair& x, Bfloat16Bits* to) { store_words(round_words(x.left, x.right), to); }

AMX_INLINE Pair add(const Pair& x, const Pair& y) {
  return {_mm512_add_ps(x.left, y.left), _mm512_add_ps(x.right, y.right)};
}

AMX_INLINE Floats all(float value) { return _mm512_set1_ps(value); }

/// 2^x for x <= 0, relative error 2e-7: Cephes' exp2f.
AMX_INLINE Floats power_of_two(const Floats& x) {
  const Floats bounded = _mm512_max_ps(x, all(-126.0f));
  const Floats whole = _mm512_roundscale_ps(bounded, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const Floats rest = _mm512_sub_ps(bounded, whole);
  Floats sum = all(1.535336188e-4f);
  sum = _mm512_fmadd_ps(sum, rest, all(1.339887440e-3f));
  sum = _mm512_fmadd_ps(sum, rest, all(9.618437357e-3f));
  sum = _mm512_fmadd_ps(sum, rest, all(5.550332471e-2f));
  sum = _mm512_fmadd_ps(sum, rest, all(2.402264791e-1f));
  sum = _mm512_fmadd_ps(sum, rest, all(6.931472028e-1f));
  return _mm512_scalef_ps(_mm512_fmadd_ps(sum, rest, all(1.0f)), whole);
}

}  // namespace physgen

#endif
