#include "kernels/amx_pack.h"

#include "kernels/amx_lanes.h"

namespace physgen {

#if defined(__x86_64__)

namespace {

constexpr int kSide = 16;

// Swaps, in blocks of 2 Distance rows and columns, what is right above with what is left below.
template <int Distance>
AMX_INLINE void swap_blocks(Words (&rows)[kSide]) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                distance = _mm512_set1_epi32(Distance), of_second = _mm512_set1_epi32(kSide);
  const __mmask16 right = _mm512_test_epi32_mask(lane, distance);
  const __m512i other = _mm512_add_epi32(lane, of_second);
  const __m512i above = _mm512_mask_sub_epi32(lane, right, other, distance),
                below = _mm512_mask_mov_epi32(_mm512_add_epi32(lane, distance), right, other);
  for (int i = 0; i < kSide; ++i) {
    if (i & Distance) continue;
    const Words first = rows[i], second = rows[i + Distance];
    rows[i] = _mm512_permutex2var_epi32(first, above, second);
    rows[i + Distance] = _mm512_permutex2var_epi32(first, below, second);
  }
}

// Of 16 rows of 16 pairs.
AMX_INLINE void transpose(Words (&rows)[kSide]) {
  swap_blocks<1>(rows);
  swap_blocks<2>(rows);
  swap_blocks<4>(rows);
  swap_blocks<8>(rows);
}

}  // namespace

AMX_CPU void pack_pairs(const AmxRows& x, Bfloat16Bits* b) {
  for (int64_t column = 0; column < x.columns; column += kAmxPanel) {
    const Bfloat16Bits* from = x.x + column;
    for (int64_t row = 0; row < x.rows; row += 2, from += 2 * x.stride, b += 2 * kAmxPanel) {
      store_words(by_turns(load_halves(from, from + x.stride)), b);
    }
  }
}

AMX_CPU void pack_transposed_pairs(const AmxRows& x, Bfloat16Bits* b) {
  Words rows[kSide];
  for (int64_t row = 0; row < x.rows; row += kAmxPanel) {
    for (int64_t column = 0; column < x.columns; column += kAmxStep) {
      for (int i = 0; i < kSide; ++i) rows[i] = load_words(x.x + (row + i) * x.stride + column);
      transpose(rows);
      for (int i = 0; i < kSide; ++i, b += 2 * kAmxPanel) store_words(rows[i], b);
    }
  }
}

AMX_CPU void pack_transposed(const AmxRows& x, Bfloat16Bits* a) {
  Words rows[kSide];
  for (int64_t column = 0; column < x.columns; column += kAmxPanel) {
    for (int64_t row = 0; row < x.rows; row += kAmxStep) {
      for (int i = 0; i < kSide; ++i) {
        const Bfloat16Bits* from = x.x + (row + int64_t{2} * i) * x.stride + column;
        rows[i] = by_turns(load_halves(from, from + x.stride));
      }
      transpose(rows);
      for (int i = 0; i < kSide; ++i) store_words(rows[i], a + (column + i) * x.rows + row);
    }
  }
}

#else

void pack_pairs(const AmxRows&, Bfloat16Bits*) {}
void pack_transposed_pairs(const AmxRows&, Bfloat16Bits*) {}
void pack_transposed(const AmxRows&, Bfloat16Bits*) {}

#endif

}  // namespace physgen
