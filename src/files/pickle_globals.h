#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "files/safetensors.h"

namespace physgen {

/// What a state dict names. None of it is ever called.
struct PickleGlobal {
  std::string_view module;
  std::string_view name;
  std::optional<DataType> storage;  ///< of which numbers it is the storage
};

/// The first three are functions; the rest are storages.
std::span<const PickleGlobal> pickle_globals();

constexpr int64_t kOrderedDict = 0;  // places in pickle_globals()
constexpr int64_t kRebuildTensor = 1;
constexpr int64_t kRebuildParameter = 2;

/// Whether a name is one of those that trainers save beside the weights: of a number, a text, a path, a container, a
/// config or a choice. Such a name is not called either: what it would make is dropped.
bool is_harmless_name(std::string_view module, std::string_view name);

}  // namespace physgen
