#pragma once

#include <cstdint>

namespace physgen {

/// What randomness is drawn for: streams of one seed are independent.
enum class Stream : uint64_t {
  weights = 1,
  clips,
  augmentation,
  noise,
  held_out,
  rollout,
  imagination,
  masks,
  sampling,
};

/// A seed that is a pure function of its arguments (SplitMix64), so that a draw never depends on what was drawn before:
/// step 1000 of a run is the same after a resume.
uint64_t mixed_seed(uint64_t seed, Stream stream, uint64_t index = 0);

}  // namespace physgen
