#pragma once

#include <physgen/core/choice.h>

namespace physgen {

/// What a network computes in. In training the parameters and the optimizer stay in float32, and `auto` is
/// bfloat16 on GPUs and on CPUs that multiply in it; in control `auto` is that for encoding frames alone. `int8`
/// is of control alone, on CPUs: the products and convolutions that a calibration has chosen, the rest in the quicker
/// of the other two.
enum class Precision { automatic, float32, bfloat16, int8 };
constexpr auto choices_of(Precision) {
  return std::to_array<Choice<Precision>>({{Precision::automatic, "auto"},
                                           {Precision::float32, "float32"},
                                           {Precision::bfloat16, "bfloat16"},
                                           {Precision::int8, "int8"}});
}

}  // namespace physgen
