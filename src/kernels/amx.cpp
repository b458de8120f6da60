#include "kernels/amx.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <array>

namespace physgen {

#if defined(__x86_64__) && defined(__linux__)

namespace {

// As the instruction that loads it lays it out.
struct alignas(64) TileConfig {
  uint8_t palette = 1, first_row = 0;
  std::array<uint8_t, 14> unused{};
  std::array<uint16_t, 16> row_bytes{};
  std::array<uint8_t, 16> rows{};
};
static_assert(sizeof(TileConfig) == 64);

constexpr int kTiles = 8;

constexpr TileConfig whole_tiles() {
  TileConfig config;
  for (int i = 0; i < kTiles; ++i) {
    config.row_bytes[i] = 64;
    config.rows[i] = 16;
  }
  return config;
}

constexpr TileConfig kWholeTiles = whole_tiles();

// Linux lets a process use tiles when it asks.
bool system_permits() {
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace

bool has_amx() {
  static const bool has = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
                          __builtin_cpu_supports("amx-int8") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bf16") &&
                          system_permits();
  return has;
}

namespace {

// Not in the constructor: GCC 12 does not compile it for the CPU that it names.
AMX_CPU void load_config() { _tile_loadconfig(&kWholeTiles); }
AMX_CPU void release_tiles() { _tile_release(); }

}  // namespace

AmxTiles::AmxTiles() { load_config(); }
AmxTiles::~AmxTiles() { release_tiles(); }

namespace {

// Blocks of two by two tiles: each tile of a and b that is read serves two products.
AMX_CPU void multiply_block(const AmxProduct& p, const Bfloat16Bits* a, const Bfloat16Bits* b, float* c) {
  const int64_t a_bytes = p.a_row * 2, c_bytes = p.c_row * 4;
  float *const right = c + p.c_panel, *const below = c + 16 * p.c_row, *const both = below + p.c_panel;
  if (p.adds) {
    _tile_loadd(0, c, c_bytes);
    _tile_loadd(1, right, c_bytes);
    _tile_loadd(2, below, c_bytes);
    _tile_loadd(3, both, c_bytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t k = 0; k < p.depth; k += kAmxStep, a += kAmxStep, b += kAmxStep * kAmxPanel) {
    _tile_loadd(4, a, a_bytes);
    _tile_loadd(6, b, 64);
    _tile_loadd(7, b + p.b_panel, 64);
    _tile_loadd(5, a + 16 * p.a_row, a_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, c_bytes);
  _tile_stored(1, right, c_bytes);
  _tile_stored(2, below, c_bytes);
  _tile_stored(3, both, c_bytes);
}

}  // namespace

void multiply(const AmxProduct& p) {
  for (int64_t column = 0; column < p.columns; column += kAmxStep) {
    const int64_t panel = column / kAmxPanel;
    for (int64_t row = 0; row < p.rows; row += kAmxStep) {
      multiply_block(p, p.a + row * p.a_row, p.b + panel * p.b_panel, p.c + row * p.c_row + panel * p.c_panel);
    }
  }
}

#else

bool has_amx() { return false; }
AmxTiles::AmxTiles() = default;
AmxTiles::~AmxTiles() = default;
void multiply(const AmxProduct&) {}

#endif

}  // namespace physgen
