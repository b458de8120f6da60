#include "kernels/amx_conv_block.h"

#include "kernels/amx_lanes.h"

namespace physgen {

#if defined(__x86_64__)

namespace {

constexpr int64_t kTile = 16 * kAmxLine;  // bytes
constexpr int64_t kSumsRow = kAmxOutputs * 4;

// Tiles 0 to 3 are the sums, 4 and 5 lines of the pixels, 6 and 7 weights.
AMX_INLINE void load_lines(const std::byte* lines) {
  _tile_loadd(4, lines, kAmxLine);
  _tile_loadd(5, lines + kTile, kAmxLine);
}

AMX_INLINE void load_weights(const std::byte* weights) {
  _tile_loadd(6, weights, kAmxLine);
  _tile_loadd(7, weights + kTile, kAmxLine);
}

AMX_INLINE void add_products() {
  _tile_dpbf16ps(0, 4, 6);
  _tile_dpbf16ps(1, 4, 7);
  _tile_dpbf16ps(2, 5, 6);
  _tile_dpbf16ps(3, 5, 7);
}

template <class Number>
struct Step;

template <>
struct Step<Bfloat16Bits> {
  AMX_INLINE static void add(const std::byte* lines, int64_t, const std::byte* weights) {
    load_lines(lines);
    load_weights(weights);
    add_products();
  }
};

template <>
struct Step<uint8_t> {
  AMX_INLINE static void add(const std::byte* lines, int64_t, const std::byte* weights) {
    load_lines(lines);
    load_weights(weights);
    _tile_dpbusd(0, 4, 6);
    _tile_dpbusd(1, 4, 7);
    _tile_dpbusd(2, 5, 6);
    _tile_dpbusd(3, 5, 7);
  }
};

// In an order in which each product but the first loads two tiles at most.
template <>
struct Step<float> {
  AMX_INLINE static void add(const std::byte* lines, int64_t plane, const std::byte* weights) {
    load_lines(lines);
    load_weights(weights + 4 * kTile);
    add_products();
    load_weights(weights + 2 * kTile);
    add_products();
    load_lines(lines + plane);
    add_products();
    load_weights(weights);
    add_products();
    load_lines(lines + 2 * plane);
    add_products();
    load_lines(lines);
    add_products();
  }
};

template <class Number>
AMX_INLINE void convolve(const AmxConvBlock& block, void* sums) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  const std::byte *lines = block.lines, *weights = block.weights;
  for (int64_t group = 0; group < block.groups; ++group, lines += block.group) {
    for (int64_t y = 0; y < block.side; ++y) {
      for (int64_t x = 0; x < block.side; ++x, weights += AmxNumber<Number>::kPlanes * 2 * kTile) {
        Step<Number>::add(lines + y * block.row + block.taps[x], block.plane, weights);
      }
    }
  }
  auto* const to = static_cast<std::byte*>(sums);
  _tile_stored(0, to, kSumsRow);
  _tile_stored(1, to + kAmxLine, kSumsRow);
  _tile_stored(2, to + 16 * kSumsRow, kSumsRow);
  _tile_stored(3, to + 16 * kSumsRow + kAmxLine, kSumsRow);
}

AMX_INLINE Pair scaled(const float* sums, const Pair&) { return load_pair(sums); }
AMX_INLINE Pair scaled(const int32_t* sums, const Pair& scale) {
  const Floats left = _mm512_cvtepi32_ps(_mm512_loadu_si512(sums)),
               right = _mm512_cvtepi32_ps(_mm512_loadu_si512(sums + 16));
  return {_mm512_mul_ps(left, scale.left), _mm512_mul_ps(right, scale.right)};
}

template <class Sum, class Number>
AMX_INLINE void write(const AmxPixels<Sum, Number>& pixels) {
  const Pair bias = load_pair(pixels.bias);
  const Pair scale = pixels.scale ? load_pair(pixels.scale) : bias;
  for (int64_t i = pixels.first; i < kAmxPixels; ++i) {
    Number* const y = pixels.y + i * pixels.stride;
    const Pair sum = add(scaled(pixels.sums + i * kAmxOutputs, scale), bias);
    store_pair(pixels.adds ? add(sum, load_pair(y)) : sum, y);
  }
}

}  // namespace

template <>
AMX_CPU void convolve_block<float>(const AmxConvBlock& block, float* sums) {
  convolve<float>(block, sums);
}
template <>
AMX_CPU void convolve_block<Bfloat16Bits>(const AmxConvBlock& block, float* sums) {
  convolve<Bfloat16Bits>(block, sums);
}
template <>
AMX_CPU void convolve_block<uint8_t>(const AmxConvBlock& block, int32_t* sums) {
  convolve<uint8_t>(block, sums);
}

AMX_CPU void write_pixels(const AmxPixels<float, float>& pixels) { write(pixels); }
AMX_CPU void write_pixels(const AmxPixels<float, Bfloat16Bits>& pixels) { write(pixels); }
AMX_CPU void write_pixels(const AmxPixels<int32_t, float>& pixels) { write(pixels); }
AMX_CPU void write_pixels(const AmxPixels<int32_t, Bfloat16Bits>& pixels) { write(pixels); }

#else

template <>
void convolve_block<float>(const AmxConvBlock&, float*) {}
template <>
void convolve_block<Bfloat16Bits>(const AmxConvBlock&, float*) {}
template <>
void convolve_block<uint8_t>(const AmxConvBlock&, int32_t*) {}

void write_pixels(const AmxPixels<float, float>&) {}
void write_pixels(const AmxPixels<float, Bfloat16Bits>&) {}
void write_pixels(const AmxPixels<int32_t, float>&) {}
void write_pixels(const AmxPixels<int32_t, Bfloat16Bits>&) {}

#endif

}  // namespace physgen
