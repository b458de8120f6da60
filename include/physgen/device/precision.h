#pragma once

#include <span>
#include <string_view>

namespace physgen {

/// What a network computes in. In training the parameters and the optimizer stay in float32, and `automatic` is
/// bfloat16 on GPUs and on CPUs that multiply in it; in control `automatic` is that for encoding frames alone.
enum class Precision { automatic, float32, bfloat16 };
inline std::span<const std::string_view> names_of(Precision) {
  static constexpr std::string_view names[] = {"auto", "float32", "bfloat16"};
  return names;
}

}  // namespace physgen
