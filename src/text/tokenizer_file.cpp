#include "text/tokenizer_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/json_view.h"
#include "core/quote.h"
#include "text/printable_byte.h"

namespace physgen {
namespace {

constexpr JsonWords kWords = {.damaged = "a tokenizer file is damaged, or of a tokenizer that is not supported",
                              .next_step = "use the tokenizer.json of CodeGen or of a model that shares its tokenizer"};
constexpr size_t kLongestAddedToken = 1024;  // bytes: to look for one in a text takes time in proportion

using Vocabulary = std::map<std::string_view, int32_t>;  // the tokens of a model by their letters

void check_byte_level(const JsonView& entry) {
  entry.require_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  entry.at("type").require({"ByteLevel"});
}

/// Left alone: `decoder`, which makes texts of tokens, and `truncation` and `padding`, which CodeGenTokenizerFast sets
/// anew at each call.
void check_file(const JsonView& file) {
  file.require_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                     "post_processor", "decoder", "model"});
  file.require_if_there("version", {"1.0"});
  file.require_if_there("normalizer", {nullptr});
  const JsonView pre_tokenizer = file.at("pre_tokenizer");
  check_byte_level(pre_tokenizer);
  pre_tokenizer.at("add_prefix_space").require({false});
  pre_tokenizer.require_if_there("use_regex", {true});
  if (file.has("post_processor")) check_byte_level(file.at("post_processor"));
}

/// Left alone: `unk_token`, `fuse_unk` and `byte_fallback`, since no byte is unknown.
void check_model(const JsonView& model) {
  model.require_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                      "byte_fallback", "ignore_merges", "vocab", "merges"});
  model.require_if_there("type", {"BPE"});
  model.require_if_there("dropout", {0.0});
  model.require_if_there("continuing_subword_prefix", {""});
  model.require_if_there("end_of_word_suffix", {""});
  model.require_if_there("ignore_merges", {false});
}

Vocabulary vocabulary_of(const JsonView& entry) {
  const auto tokens = entry.members();
  std::vector<bool> taken(tokens.size());
  Vocabulary vocabulary;
  for (const auto& [letters, value] : tokens) {
    const auto id = static_cast<size_t>(value.integer(0, std::ssize(tokens) - 1));
    if (taken[id]) value.refuse("the id " + std::to_string(id) + " a second time", "each id once");
    taken[id] = true;
    vocabulary.emplace_hint(vocabulary.end(), letters, static_cast<int32_t>(id));
  }
  return vocabulary;
}

std::array<int32_t, 256> byte_ids_of(const Vocabulary& vocabulary, const JsonView& entry) {
  std::array<int32_t, 256> ids = {};
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    const std::string letter = printable_byte(static_cast<uint8_t>(byte));
    const auto token = vocabulary.find(letter);
    if (token == vocabulary.end()) {
      entry.refuse("no token \"" + letter + "\" for the byte " + std::to_string(byte), "one for each of the 256 bytes");
    }
    ids[byte] = token->second;
  }
  return ids;
}

/// The two sides of a merge: "a b" in older files, ["a", "b"] in newer ones.
std::pair<std::string_view, std::string_view> sides_of(const JsonView& merge) {
  if (merge.value().is_array()) {
    const std::vector<JsonView> sides = merge.items();
    if (sides.size() != 2) merge.refuse("a list of " + std::to_string(sides.size()), "two tokens");
    return {sides[0].text(), sides[1].text()};
  }
  const std::string_view text = merge.text();
  if (std::ranges::count(text, ' ') != 1) merge.refuse("two tokens with one space between them");
  return {text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)};
}

int32_t known_id(std::string_view letters, const Vocabulary& vocabulary, const JsonView& merge) {
  const auto token = vocabulary.find(letters);
  if (token == vocabulary.end()) merge.refuse("the token " + quote(letters), "one of model.vocab");
  return token->second;
}

std::vector<Merge> merges_of(const JsonView& entry, const Vocabulary& vocabulary) {
  std::vector<Merge> merges;
  std::set<std::pair<int32_t, int32_t>> pairs;
  for (const JsonView& item : entry.items()) {
    const auto [left, right] = sides_of(item);
    const Merge merge{.left = known_id(left, vocabulary, item),
                      .right = known_id(right, vocabulary, item),
                      .result = known_id(std::string(left).append(right), vocabulary, item),
                      .rank = static_cast<int32_t>(merges.size())};
    if (!pairs.emplace(merge.left, merge.right).second) item.refuse("a merge a second time", "each merge once");
    merges.push_back(merge);
  }
  return merges;
}

const std::string& content_of(const JsonView& entry) {
  const std::string& content = entry.at("content").text();
  if (content.empty() || content.size() > kLongestAddedToken) {
    entry.at("content").refuse(std::to_string(content.size()) + " bytes", "1 to " + std::to_string(kLongestAddedToken));
  }
  return content;
}

/// The tokens that are found in a text whole, and their number together with the vocabulary's.
class AddedTokens {
 public:
  explicit AddedTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary), count_(vocabulary.size()) {}

  void add(const JsonView& entry) {
    entry.require_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    for (const char* key : {"single_word", "lstrip", "rstrip"}) entry.require_if_there(key, {false});
    const std::string& content = content_of(entry);
    if (!contents_.insert(content).second) entry.refuse(quote(content) + " a second time", "each token once");
    tokens_.push_back({content, id_of(content, entry), entry.at("normalized").flag()});
  }

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  size_t count() const { return count_; }

 private:
  /// That of the vocabulary, or else the next one: the reference numbers them so, whatever the file says.
  int32_t id_of(const std::string& content, const JsonView& entry) {
    const auto known = vocabulary_.find(content);
    const size_t wanted = known == vocabulary_.end() ? count_++ : static_cast<size_t>(known->second);
    const JsonView id = entry.at("id");
    if (id.integer() != static_cast<int64_t>(wanted)) id.refuse(std::to_string(wanted));
    return static_cast<int32_t>(wanted);
  }

  const Vocabulary& vocabulary_;
  size_t count_;
  std::set<std::string_view> contents_;
  std::vector<AddedToken> tokens_;
};

}  // namespace

TokenizerFile parse_tokenizer_file(const std::string& text, const std::string& source) {
  const JsonView file = parse_json(text, source, kWords);
  check_file(file);
  const JsonView model = file.at("model");
  check_model(model);
  const Vocabulary vocabulary = vocabulary_of(model.at("vocab"));
  AddedTokens added(vocabulary);
  for (const JsonView& token : file.at("added_tokens").items()) added.add(token);
  return {.byte_ids = byte_ids_of(vocabulary, model.at("vocab")),
          .merges = merges_of(model.at("merges"), vocabulary),
          .added_tokens = added.tokens(),
          .vocabulary_size = static_cast<int64_t>(added.count())};
}

}  // namespace physgen
