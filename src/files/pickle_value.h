#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace physgen {

enum class PickleKind {
  none,
  boolean,
  integer,
  long_integer,  ///< of more than 8 bytes, which are dropped
  real,
  text,
  tuple,
  list,  ///< without its items, which are dropped
  dict,
  ordered_dict,
  global,
  harmless_name,
  object,  ///< what would come of a call of a harmless name, without what it holds
  storage,
  tensor
};

/// For errors, in declaration order.
inline std::string described(PickleKind kind) {
  static constexpr const char* kTexts[] = {
      "None",   "a boolean",      "an integer",    "a long integer", "a number",  "a text",    "a tuple", "a list",
      "a dict", "an OrderedDict", "a global name", "a name",         "an object", "a storage", "a tensor"};
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

inline bool is_dict(const PickleValue& value) {
  return value.kind == PickleKind::dict || value.kind == PickleKind::ordered_dict;
}

using PickleItem = std::pair<std::string_view, PickleValue>;  // of a dict

/// A dict: what it holds under texts. What it holds under other keys is dropped.
struct PickleDict {
  std::vector<PickleItem> items = {};
  size_t tensors = 0;                        ///< how many of the items are tensors
  std::optional<PickleKind> other_key = {};  ///< of the first key that is no text

  bool is_state_dict() const { return tensors == items.size() && !other_key; }
};

}  // namespace physgen
