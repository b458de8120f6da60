#pragma once

#include "kernels/amx.h"

namespace physgen {

// Matrices as `multiply` reads them. Only where `has_amx`; rows and columns are multiples of 32.

/// Rows of numbers in memory.
struct AmxRows {
  const Bfloat16Bits* x;
  int64_t stride;  ///< from row to row
  int64_t rows, columns;
};

/// x as `b`: in panels of 16 columns, each with two rows of x after the other, their numbers by turns. A panel has
/// 16 x.rows numbers.
void pack_pairs(const AmxRows& x, Bfloat16Bits* b);

/// x^T as `b`: a panel has 16 x.columns numbers.
void pack_transposed_pairs(const AmxRows& x, Bfloat16Bits* b);

/// x^T as `a`, row by row.
void pack_transposed(const AmxRows& x, Bfloat16Bits* a);

}  // namespace physgen
