#pragma once

#include <span>
#include <string_view>

namespace physgen {

/// How much of the model is trained: all of it; adapters on the backbone and all that is not NOVA's; or all that is not
/// NOVA's alone.
enum class TrainMode { full, lora, heads };
inline std::span<const std::string_view> names_of(TrainMode) {
  static constexpr std::string_view names[] = {"full", "lora", "heads"};
  return names;
}

}  // namespace physgen
