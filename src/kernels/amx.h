#pragma once

#include <cstdint>

#include "kernels/row_numbers.h"

/// Compiles a function for a CPU that `has_amx`. What it calls in a loop must be inlined and compiled so, too.
#if defined(__x86_64__)
#define AMX_CPU [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,amx-tile,amx-bf16,amx-int8")]]
#else
#define AMX_CPU
#endif

namespace physgen {

// Products of bfloat16 matrices in the tiles of Intel's AMX (Intel 64 and IA-32 Architectures Software Developer's
// Manual, volume 1, chapter 18). A tile is 16 rows of 64 bytes. Memory is read in half the time where each row of a
// tile begins at a multiple of 64 bytes.

/// Rows, columns and depth of each product are multiples of it.
inline constexpr int64_t kAmxStep = 32;
/// Columns in a panel of `b` and of `c`.
inline constexpr int64_t kAmxPanel = 16;

/// Whether this CPU has AMX for bfloat16 and bytes and the system lets this process use it.
bool has_amx();
/// Whether weights of these sizes are multiplied with it.
inline bool fits_amx(int64_t in, int64_t out) { return has_amx() && in % kAmxStep == 0 && out % kAmxStep == 0; }

/// What makes the calling thread ready for `multiply`, until its end. Throws nothing; only where `has_amx`.
class AmxTiles {
 public:
  AmxTiles();
  ~AmxTiles();
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

/// c = a b, or c += a b. Strides count numbers.
struct AmxProduct {
  const Bfloat16Bits* a;  ///< [rows, depth]
  int64_t a_row;
  const Bfloat16Bits* b;  ///< [depth, columns] in panels of `kAmxPanel` columns, each in pairs of rows: see amx_pack.h
  int64_t b_panel;
  float* c;  ///< [rows, columns] in panels of `kAmxPanel` columns
  int64_t c_row, c_panel;
  int64_t rows, columns, depth;
  bool adds;
};

void multiply(const AmxProduct& product);

}  // namespace physgen
