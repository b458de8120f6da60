#pragma once

#include <physgen/core/choice.h>

namespace physgen {

/// How much of the model is trained: all of it; adapters on the backbone and all that is not NOVA's; or all that is not
/// NOVA's alone.
enum class TrainMode { full, lora, heads };
constexpr auto choices_of(TrainMode) {
  return std::to_array<Choice<TrainMode>>(
      {{TrainMode::full, "full"}, {TrainMode::lora, "lora"}, {TrainMode::heads, "heads"}});
}

}  // namespace physgen
