#pragma once

#include <cstring>

#include "kernels/lane_sums.h"

namespace physgen {

/// A register of AVX-512; elsewhere the compiler takes several.
using Vector [[gnu::vector_size(kLanes * sizeof(float))]] = float;

// From and to memory that need not be aligned. By reference: a function that is not inlined could not return vectors
// alike for all instruction sets.
[[gnu::always_inline]] inline void load(const float* from, Vector& to) { std::memcpy(&to, from, sizeof to); }
[[gnu::always_inline]] inline void store(const Vector& from, float* to) { std::memcpy(to, &from, sizeof from); }

}  // namespace physgen
