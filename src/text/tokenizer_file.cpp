#include "text/tokenizer_file.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/strict_json.h"
#include "physgen/core/error.h"
#include "text/json_entry.h"
#include "text/printable_byte.h"

namespace physgen {
namespace {

using nlohmann::json;

constexpr size_t kLongestAddedToken = 1024;  // bytes: to look for one in a text takes time in proportion

using Vocabulary = std::map<std::string_view, int32_t>;  // the tokens of a model by their letters

void check_byte_level(const JsonEntry& entry) {
  entry.check_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  if (entry.at("type").text() != "ByteLevel") entry.at("type").refuse("\"ByteLevel\"");
}

/// Left alone: `decoder`, which makes texts of tokens, and `truncation` and `padding`, which CodeGenTokenizerFast sets
/// anew at each call.
void check_file(const JsonEntry& file) {
  file.check_keys({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                   "decoder", "model"});
  file.check("version", {"1.0"});
  file.check("normalizer", {nullptr});
  const JsonEntry pre_tokenizer = file.at("pre_tokenizer");
  check_byte_level(pre_tokenizer);
  if (pre_tokenizer.at("add_prefix_space").flag()) pre_tokenizer.at("add_prefix_space").refuse("false");
  pre_tokenizer.check("use_regex", {true});
  if (file.has("post_processor")) check_byte_level(file.at("post_processor"));
}

/// Left alone: `unk_token`, `fuse_unk` and `byte_fallback`, since no byte is unknown.
void check_model(const JsonEntry& model) {
  model.check_keys({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                    "byte_fallback", "ignore_merges", "vocab", "merges"});
  model.check("type", {"BPE"});
  model.check("dropout", {0.0});
  model.check("continuing_subword_prefix", {""});
  model.check("end_of_word_suffix", {""});
  model.check("ignore_merges", {false});
}

Vocabulary vocabulary_of(const JsonEntry& entry) {
  if (!entry.value().is_object()) entry.refuse("an object of tokens and their ids");
  const auto& tokens = entry.value().get_ref<const json::object_t&>();
  std::vector<bool> taken(tokens.size());
  Vocabulary vocabulary;
  for (const auto& [letters, value] : tokens) {
    const int32_t id = JsonEntry(value, entry.where() + "." + letters).id(tokens.size());
    if (taken[id]) entry.refuse("the id " + std::to_string(id) + " a second time", "each id once");
    taken[id] = true;
    vocabulary.emplace_hint(vocabulary.end(), letters, id);
  }
  return vocabulary;
}

std::array<int32_t, 256> byte_ids_of(const Vocabulary& vocabulary, const JsonEntry& entry) {
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
std::pair<std::string_view, std::string_view> sides_of(const JsonEntry& merge) {
  if (merge.value().is_array()) {
    if (merge.list_size() != 2) merge.refuse("a list of " + std::to_string(merge.list_size()), "two tokens");
    return {merge.item(0).text(), merge.item(1).text()};
  }
  const std::string_view text = merge.text();
  if (std::ranges::count(text, ' ') != 1) merge.refuse("two tokens with one space between them");
  return {text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)};
}

int32_t known_id(std::string_view letters, const Vocabulary& vocabulary, const JsonEntry& merge) {
  const auto token = vocabulary.find(letters);
  if (token == vocabulary.end()) {
    merge.refuse("the token " + quote_json(std::string(letters)), "one of model.vocab");
  }
  return token->second;
}

std::vector<Merge> merges_of(const JsonEntry& entry, const Vocabulary& vocabulary) {
  std::vector<Merge> merges;
  std::set<std::pair<int32_t, int32_t>> pairs;
  for (size_t i = 0; i < entry.list_size(); ++i) {
    const JsonEntry item = entry.item(i);
    const auto [left, right] = sides_of(item);
    const Merge merge{.left = known_id(left, vocabulary, item),
                      .right = known_id(right, vocabulary, item),
                      .result = known_id(std::string(left).append(right), vocabulary, item),
                      .rank = static_cast<int32_t>(i)};
    if (!pairs.emplace(merge.left, merge.right).second) item.refuse("a merge a second time", "each merge once");
    merges.push_back(merge);
  }
  return merges;
}

const std::string& content_of(const JsonEntry& entry) {
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

  void add(const JsonEntry& entry) {
    entry.check_keys({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    for (const char* key : {"single_word", "lstrip", "rstrip"}) entry.check(key, {false});
    const std::string& content = content_of(entry);
    if (!contents_.insert(content).second) entry.refuse(quote_json(content) + " a second time", "each token once");
    tokens_.push_back({content, id_of(content, entry), entry.at("normalized").flag()});
  }

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  size_t count() const { return count_; }

 private:
  /// That of the vocabulary, or else the next one: the reference numbers them so, whatever the file says.
  int32_t id_of(const std::string& content, const JsonEntry& entry) {
    const auto known = vocabulary_.find(content);
    const size_t wanted = known == vocabulary_.end() ? count_++ : static_cast<size_t>(known->second);
    const JsonEntry id = entry.at("id");
    if (!id.value().is_number_unsigned() || id.value() != wanted) id.refuse(std::to_string(wanted));
    return static_cast<int32_t>(wanted);
  }

  const Vocabulary& vocabulary_;
  size_t count_;
  std::set<std::string_view> contents_;
  std::vector<AddedToken> tokens_;
};

}  // namespace

TokenizerFile parse_tokenizer_file(const std::string& text, const std::string& source) {
  const json root = parse_strict_json(text, source);
  const JsonEntry file(root, source);
  check_file(file);
  const JsonEntry model = file.at("model");
  check_model(model);
  const Vocabulary vocabulary = vocabulary_of(model.at("vocab"));
  const JsonEntry list = file.at("added_tokens");
  AddedTokens added(vocabulary);
  for (size_t i = 0; i < list.list_size(); ++i) added.add(list.item(i));
  return {.byte_ids = byte_ids_of(vocabulary, model.at("vocab")),
          .merges = merges_of(model.at("merges"), vocabulary),
          .added_tokens = added.tokens(),
          .vocabulary_size = static_cast<int64_t>(added.count())};
}

}  // namespace physgen
