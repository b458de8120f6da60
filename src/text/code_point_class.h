#pragma once

namespace physgen {

/// What the pattern of a byte-level tokenizer tells apart: \p{L}, \p{N}, \s and the rest.
enum class CodePointClass { letter, number, space, other };

/// The class in Unicode 16, as the tokenizers library 0.21.4 has it. A table of our own: a regular expression library
/// brings the Unicode version of the machine (PCRE2 10.42: 14.0, which lacks 9,392 letters and numbers of 16.0).
CodePointClass class_of(char32_t code_point);

}  // namespace physgen
