#pragma once

#include <cstddef>
#include <string_view>

namespace physgen {

/// Where the word that starts at `begin` ends: one match of GPT-2's pattern
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`, whose matches fill a text gaplessly.
/// @param text  valid UTF-8, looked at up to its end
size_t end_of_word(std::string_view text, size_t begin);

}  // namespace physgen
