#include "kernels/amx_patch.h"

#include "kernels/amx_lanes.h"

namespace physgen {

#if defined(__x86_64__)

namespace {

AMX_INLINE Floats silu(const Floats& x) {
  const Floats power = power_of_two(_mm512_mul_ps(_mm512_abs_ps(x), all(-1.44269504f)));  // e^-|x|
  const Floats sum = _mm512_add_ps(power, all(1.0f)), guess = _mm512_rcp14_ps(sum);
  const Floats inverse = _mm512_mul_ps(guess, _mm512_fnmadd_ps(sum, guess, all(2.0f)));
  const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return _mm512_mul_ps(x, _mm512_mask_mul_ps(inverse, negative, inverse, power));
}

// 32 channels, from `channel` on.
template <class Number>
AMX_INLINE Pair load_channels(const Number* from, const AmxNorm& norm, int64_t channel) {
  const Pair x = load_pair(from + channel);
  if (!norm.scale) return x;
  const Pair scale = load_pair(norm.scale + channel), shift = load_pair(norm.shift + channel);
  return {silu(_mm512_fmadd_ps(x.left, scale.left, shift.left)),
          silu(_mm512_fmadd_ps(x.right, scale.right, shift.right))};
}

// Writers of a line.

struct AsNumbers {
  // A number's first plane is it, rounded; the next one what that lacks.
  AMX_INLINE void write(const float* from, const AmxNorm& norm, int64_t channel, std::byte* line, int64_t plane) const {
    Pair x = load_channels(from, norm, channel);
    for (int64_t i = 0; i < AmxNumber<float>::kPlanes; ++i) {
      const Words words = round_words(x.left, x.right);
      _mm512_storeu_si512(line + i * plane, words);
      x.left = _mm512_sub_ps(x.left, low_floats(words));
      x.right = _mm512_sub_ps(x.right, high_floats(words));
    }
  }
  AMX_INLINE void write(const Bfloat16Bits* from, const AmxNorm& norm, int64_t channel, std::byte* line,
                        int64_t) const {
    const Pair x = load_channels(from, norm, channel);
    _mm512_storeu_si512(line, round_words(x.left, x.right));
  }
  AMX_INLINE Words zeros() const { return _mm512_setzero_si512(); }
};

struct AsBytes {
  ByteRounding bytes;

  AMX_INLINE __m128i round(const Floats& x) const {
    const Floats place = _mm512_fmadd_ps(x, all(bytes.inverse_step), all(bytes.zero));
    return _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(_mm512_max_ps(place, _mm512_setzero_ps())));
  }
  template <class Number>
  AMX_INLINE void write(const Number* from, const AmxNorm& norm, int64_t channel, std::byte* line, int64_t) const {
    for (int64_t i = 0; i < kAmxLine; i += 32) {
      const Pair x = load_channels(from, norm, channel + i);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(line + i), round(x.left));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(line + i + 16), round(x.right));
    }
  }
  AMX_INLINE void write(const uint8_t* from, const AmxNorm&, int64_t channel, std::byte* line, int64_t) const {
    _mm512_storeu_si512(line, _mm512_loadu_si512(from + channel));
  }
  AMX_INLINE Words zeros() const { return _mm512_set1_epi8(static_cast<char>(static_cast<uint8_t>(bytes.zero))); }
};

constexpr int64_t kAhead = 2048;  // bytes by which memory is asked for before it is read

template <class Packed, class Number, class Writer>
AMX_INLINE void pack(const AmxPatch<Number>& patch, const Writer& writer, std::byte* lines) {
  const AmxPatchLayout layout = patch_layout<Packed>(patch.rows, patch.columns, patch.stride);
  for (int64_t row = 0; row < patch.rows; ++row) {
    for (int64_t column = 0; column < patch.columns; ++column) {
      const int64_t y = patch.top + row, x = patch.left + column;
      const bool is_inside = y >= 0 && y < patch.height && x >= 0 && x < patch.width;
      const Number* from = is_inside ? patch.frame + (y * patch.width + x) * patch.channels : nullptr;
      std::byte* line = lines + row * layout.row + patch_line(column, patch.columns, patch.stride) * kAmxLine;
      for (int64_t c = 0; c < patch.channels; c += AmxNumber<Packed>::kLineChannels, line += layout.group) {
        if (from) {
          _mm_prefetch(reinterpret_cast<const char*>(from + c) + kAhead, _MM_HINT_T0);
          writer.write(from, patch.norm, c, line, layout.plane);
          continue;
        }
        for (int64_t i = 0; i < AmxNumber<Packed>::kPlanes; ++i) {
          _mm512_storeu_si512(line + i * layout.plane, writer.zeros());
        }
      }
    }
  }
}

}  // namespace

AMX_CPU void pack_patch(const AmxPatch<float>& patch, std::byte* lines) { pack<float>(patch, AsNumbers{}, lines); }
AMX_CPU void pack_patch(const AmxPatch<Bfloat16Bits>& patch, std::byte* lines) {
  pack<Bfloat16Bits>(patch, AsNumbers{}, lines);
}
AMX_CPU void pack_patch(const AmxPatch<float>& patch, const ByteRounding& bytes, std::byte* lines) {
  pack<uint8_t>(patch, AsBytes{bytes}, lines);
}
AMX_CPU void pack_patch(const AmxPatch<Bfloat16Bits>& patch, const ByteRounding& bytes, std::byte* lines) {
  pack<uint8_t>(patch, AsBytes{bytes}, lines);
}
AMX_CPU void pack_patch(const AmxPatch<uint8_t>& patch, const ByteRounding& bytes, std::byte* lines) {
  pack<uint8_t>(patch, AsBytes{bytes}, lines);
}

#else

void pack_patch(const AmxPatch<float>&, std::byte*) {}
void pack_patch(const AmxPatch<Bfloat16Bits>&, std::byte*) {}
void pack_patch(const AmxPatch<float>&, const ByteRounding&, std::byte*) {}
void pack_patch(const AmxPatch<Bfloat16Bits>&, const ByteRounding&, std::byte*) {}
void pack_patch(const AmxPatch<uint8_t>&, const ByteRounding&, std::byte*) {}

#endif

}  // namespace physgen
