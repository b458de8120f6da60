#pragma once

#include <string>
#include <vector>

namespace physgen {

/// "did you mean …?" with the choice that is nearest to a mistyped word, or "" where none is near.
std::string suggestion(const std::string& word, const std::vector<std::string>& choices);

/// "a, b, c"
std::string comma_separated(const std::vector<std::string>& words);

}  // namespace physgen
