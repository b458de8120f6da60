#pragma once

#include <span>
#include <string_view>

namespace physgen {

/// What the network predicts.
enum class Objective { epsilon, flow_matching, discrete };
inline std::span<const std::string_view> names_of(Objective) {
  static constexpr std::string_view names[] = {"epsilon", "flow_matching", "discrete"};
  return names;
}

/// How a sample is drawn from a network that predicts epsilon. A flow-matching network is integrated by Euler's method.
enum class Sampler { ddim, ddpm, dpm_solver };
inline std::span<const std::string_view> names_of(Sampler) {
  static constexpr std::string_view names[] = {"ddim", "ddpm", "dpm_solver"};
  return names;
}

}  // namespace physgen
