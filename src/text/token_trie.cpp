#include "text/token_trie.h"

namespace physgen {

void TokenTrie::add(std::string_view content, int32_t id) {
  starts_[static_cast<uint8_t>(content[0])] = true;
  uint32_t at = 0;
  for (const char byte : content) {
    const auto [edge, is_new] = next_.try_emplace({at, static_cast<uint8_t>(byte)}, ids_.size());
    if (is_new) ids_.push_back(kNone);
    at = edge->second;
  }
  ids_[at] = id;
}

TokenTrie::Match TokenTrie::longest_at(std::string_view text, size_t begin) const {
  Match longest{.begin = begin};
  uint32_t at = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    const auto edge = next_.find({at, static_cast<uint8_t>(text[i])});
    if (edge == next_.end()) break;
    at = edge->second;
    if (ids_[at] != kNone) longest = {.begin = begin, .length = i + 1 - begin, .id = ids_[at]};
  }
  return longest;
}

TokenTrie::Match TokenTrie::first_in(std::string_view text, size_t begin) const {
  for (size_t at = begin; at < text.size(); ++at) {
    if (!starts_[static_cast<uint8_t>(text[at])]) continue;
    if (const Match match = longest_at(text, at); match.length > 0) return match;
  }
  return {.begin = text.size()};
}

}  // namespace physgen
