#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace physgen {

/// "did you mean …?" with the choice that is nearest to a mistyped word, or "" where none is near.
std::string suggestion(const std::string& word, const std::vector<std::string>& choices);

/// "a, b, c"
std::string comma_separated(const std::vector<std::string>& words);

/// The place of a word among the names of an enum.
/// Throws ConfigError where it is none of them, with the choices and a suggestion.
/// @param what, where  of that error
size_t choice_of(const std::string& word, std::span<const std::string_view> names, const std::string& what,
                 const std::string& where);

}  // namespace physgen
