#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace physgen {

/// The byte-level byte-pair tokenizer of CodeGen and GPT-2: a text to the ids that CodeGenTokenizerFast of transformers
/// gives, without any token at the beginning or end. Immutable: copies are cheap, and threads may share one.
class BytePairTokenizer {
 public:
  /// Reads a Hugging Face tokenizer.json.
  /// Throws ConfigError where it cannot be read, FormatError where it is damaged or asks for what this class does not
  /// do: a normalizer, another model or pre-tokenizer than those of GPT-2, added tokens that strip or match whole
  /// words.
  static BytePairTokenizer load(const std::filesystem::path& tokenizer_json);

  /// Reads the text of such a file. Throws FormatError as load() does.
  /// @param source  the name of the file, for errors
  static BytePairTokenizer parse(const std::string& text, const std::string& source);

  /// The ids of a text's tokens, each in [0, vocabulary_size()).
  /// @param text  UTF-8, at most 1 MiB; throws ConfigError where it is not
  std::vector<int64_t> encode(std::string_view text) const;

  /// How many ids there are, added tokens included.
  int64_t vocabulary_size() const;

  /// The id of an added token, such as "<|endoftext|>", which CodeGen pads with. Throws ConfigError where there is
  /// none.
  int64_t id_of_added_token(std::string_view content) const;

 private:
  struct Tables;

  explicit BytePairTokenizer(std::shared_ptr<const Tables> tables);

  std::shared_ptr<const Tables> tables_;
};

}  // namespace physgen
