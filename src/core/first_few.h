#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include <physgen/core/suggestion.h>

namespace physgen {

/// "a, b, c and 4 more": all texts, or the first `most` of them.
inline std::string first_few(const std::vector<std::string>& texts, size_t most) {
  const auto end = texts.begin() + static_cast<std::ptrdiff_t>(std::min(texts.size(), most));
  const std::string shown = comma_separated({texts.begin(), end});
  return texts.size() > most ? shown + " and " + std::to_string(texts.size() - most) + " more" : shown;
}

}  // namespace physgen
