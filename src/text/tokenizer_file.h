#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/merge_table.h"

namespace physgen {

/// A token that is found in a text before the text is split.
struct AddedToken {
  std::string content;  ///< UTF-8, 1 to 1024 bytes
  int32_t id = 0;
  bool normalized = false;  ///< found after those that are not
};

/// What a tokenizer.json says, as far as it bears on a text's tokens.
struct TokenizerFile {
  std::array<int32_t, 256> byte_ids = {};  ///< the token of each byte
  std::vector<Merge> merges;
  std::vector<AddedToken> added_tokens;
  int64_t vocabulary_size = 0;  ///< with the added tokens; the ids are 0 … vocabulary_size - 1
};

/// Reads the text of a tokenizer.json. Throws FormatError where it is damaged, or asks for anything that a byte-level
/// byte-pair tokenizer like GPT-2's or CodeGen's does not do. Takes memory in proportion to the text.
/// @param source  the name of the file, for errors
TokenizerFile parse_tokenizer_file(const std::string& text, const std::string& source);

}  // namespace physgen
