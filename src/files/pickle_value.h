#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "physgen/files/safetensors.h"

namespace physgen {

enum class PickleKind { none, boolean, integer, real, text, tuple, dict, ordered_dict, global, storage, tensor };

/// For errors, in declaration order.
inline std::string described(PickleKind kind) {
  static constexpr const char* kTexts[] = {"None",          "a boolean", "an integer", "a number",
                                           "a text",        "a tuple",   "a dict",     "an OrderedDict",
                                           "a global name", "a storage", "a tensor"};
  return kTexts[static_cast<size_t>(kind)];
}

/// One value on the stack of a pickle, small and without ownership: what it refers to lies in the pickle's bytes or in
/// the lists of its reader, so that no nesting, however deep, is ever followed or destroyed by recursion.
struct PickleValue {
  PickleKind kind = PickleKind::none;
  uint8_t depth = 0;           ///< of a tuple: 1 where it holds no tuple
  uint32_t count = 0;          ///< of a tuple: its items
  int64_t number = 0;          ///< the boolean or integer itself, else the place in the reader's list of this kind
  std::string_view text = {};  ///< the text itself
};

using PickleItem = std::pair<std::string_view, PickleValue>;  // of a dict

/// What a pickle may name, and nothing else. None of it is ever called.
struct PickleGlobal {
  std::string_view module;
  std::string_view name;
  std::optional<DataType> storage;  ///< of which numbers it is the storage
};

/// The first three are functions; the rest are storages.
inline std::span<const PickleGlobal> pickle_globals() {
  static constexpr PickleGlobal kGlobals[] = {
      {"collections", "OrderedDict", {}},           {"torch._utils", "_rebuild_tensor_v2", {}},
      {"torch._utils", "_rebuild_parameter", {}},   {"torch", "DoubleStorage", DataType::f64},
      {"torch", "FloatStorage", DataType::f32},     {"torch", "HalfStorage", DataType::f16},
      {"torch", "BFloat16Storage", DataType::bf16}, {"torch", "LongStorage", DataType::i64},
      {"torch", "IntStorage", DataType::i32},       {"torch", "ShortStorage", DataType::i16},
      {"torch", "CharStorage", DataType::i8},       {"torch", "ByteStorage", DataType::u8},
      {"torch", "BoolStorage", DataType::boolean}};
  return kGlobals;
}

constexpr int64_t kOrderedDict = 0;  // places in pickle_globals()
constexpr int64_t kRebuildTensor = 1;
constexpr int64_t kRebuildParameter = 2;

}  // namespace physgen
