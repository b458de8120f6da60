#pragma once

#include <physgen/core/choice.h>

namespace physgen {

/// What the network predicts.
enum class Objective { epsilon, flow_matching, discrete };
constexpr auto choices_of(Objective) {
  return std::to_array<Choice<Objective>>({{Objective::epsilon, "epsilon"},
                                           {Objective::flow_matching, "flow_matching"},
                                           {Objective::discrete, "discrete"}});
}

/// How a sample is drawn from a network that predicts epsilon. Flow matching takes ddim, which is Euler's method there.
enum class Sampler { ddim, ddpm, dpm_solver };
constexpr auto choices_of(Sampler) {
  return std::to_array<Choice<Sampler>>(
      {{Sampler::ddim, "ddim"}, {Sampler::ddpm, "ddpm"}, {Sampler::dpm_solver, "dpm_solver"}});
}

}  // namespace physgen
