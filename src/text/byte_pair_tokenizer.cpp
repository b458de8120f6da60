#include "physgen/text/byte_pair_tokenizer.h"

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "core/foreign_file.h"
#include "core/json_file.h"
#include "physgen/core/error.h"
#include "text/code_point.h"
#include "text/merge_table.h"
#include "text/token_trie.h"
#include "text/tokenizer_file.h"
#include "text/word.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestText = 1 << 20;  // bytes; a text of one word takes a second and 100 MB

void require_file(const fs::path& path) {
  std::error_code unreachable;
  if (fs::is_regular_file(path, unreachable)) return;
  throw ConfigError({.what = "a tokenizer file cannot be read",
                     .where = path.string(),
                     .got = unreachable ? unreachable.message() : "no regular file",
                     .expected = "a tokenizer.json",
                     .next_step = "check the path and its permissions"});
}

std::string hexadecimal(char byte) {
  const auto value = static_cast<uint8_t>(byte);
  return {'0', 'x', "0123456789ABCDEF"[value >> 4], "0123456789ABCDEF"[value & 15]};
}

void check_text(std::string_view text) {
  if (text.size() > kLongestText) {
    throw ConfigError({.what = "a text is too long to be tokenized",
                       .where = "the text",
                       .got = std::to_string(text.size()) + " bytes",
                       .expected = "at most " + std::to_string(kLongestText)});
  }
  for (size_t i = 0; i < text.size();) {
    const std::optional<CodePoint> code_point = code_point_at(text, i);
    if (!code_point) {
      throw ConfigError({.what = "a text is not valid UTF-8",
                         .where = "byte " + std::to_string(i) + " of the text",
                         .got = hexadecimal(text[i]),
                         .expected = "a whole code point",
                         .next_step = "save the text as UTF-8"});
    }
    i += code_point->length;
  }
}

/// Calls `token(id)` for each token of the trie in a text, and `rest(text)` for what lies between them, in order.
void split(const TokenTrie& trie, std::string_view text, const std::function<void(int32_t)>& token,
           const std::function<void(std::string_view)>& rest) {
  for (size_t begin = 0; begin < text.size();) {
    const TokenTrie::Match match = trie.first_in(text, begin);
    if (match.begin > begin) rest(text.substr(begin, match.begin - begin));
    if (match.length > 0) token(match.id);
    begin = match.begin + match.length;
  }
}

}  // namespace

struct BytePairTokenizer::Tables {
  explicit Tables(const TokenizerFile& file)
      : byte_ids(file.byte_ids),
        merges(file.merges, static_cast<size_t>(file.vocabulary_size)),
        vocabulary_size(file.vocabulary_size) {
    for (const AddedToken& token : file.added_tokens) {
      (token.normalized ? normalized : verbatim).add(token.content, token.id);
      added_tokens.emplace(token.content, token.id);
    }
  }

  std::vector<int32_t> tokens_of_word(std::string_view word) const {
    std::vector<int32_t> tokens;
    for (const char byte : word) tokens.push_back(byte_ids[static_cast<uint8_t>(byte)]);
    return merges.merge(tokens);
  }

  std::array<int32_t, 256> byte_ids;
  MergeTable merges;
  TokenTrie verbatim;    // the added tokens that are found first
  TokenTrie normalized;  // those that are found in what lies between the first ones
  std::map<std::string, int32_t, std::less<>> added_tokens;
  int64_t vocabulary_size;
};

BytePairTokenizer::BytePairTokenizer(std::shared_ptr<const Tables> tables) : tables_(std::move(tables)) {}

BytePairTokenizer BytePairTokenizer::load(const fs::path& tokenizer_json) {
  require_file(tokenizer_json);
  refuse_foreign_file(tokenizer_json);
  return parse(read_json_text(tokenizer_json), tokenizer_json.string());
}

BytePairTokenizer BytePairTokenizer::parse(const std::string& text, const std::string& source) {
  return BytePairTokenizer(std::make_shared<const Tables>(parse_tokenizer_file(text, source)));
}

std::vector<int64_t> BytePairTokenizer::encode(std::string_view text) const {
  check_text(text);
  std::vector<int64_t> ids;
  const auto add = [&](int32_t id) { ids.push_back(id); };
  const auto add_words = [&](std::string_view rest) {
    for (size_t begin = 0; begin < rest.size();) {
      const size_t end = end_of_word(rest, begin);
      for (const int32_t token : tables_->tokens_of_word(rest.substr(begin, end - begin))) add(token);
      begin = end;
    }
  };
  split(tables_->verbatim, text, add, [&](std::string_view rest) { split(tables_->normalized, rest, add, add_words); });
  return ids;
}

int64_t BytePairTokenizer::vocabulary_size() const { return tables_->vocabulary_size; }

int64_t BytePairTokenizer::id_of_added_token(std::string_view content) const {
  const auto token = tables_->added_tokens.find(content);
  if (token != tables_->added_tokens.end()) return token->second;
  throw ConfigError({.what = "a tokenizer lacks an added token",
                     .where = std::string(content),
                     .expected = "one of the " + std::to_string(tables_->added_tokens.size()) + " that its file adds"});
}

}  // namespace physgen
