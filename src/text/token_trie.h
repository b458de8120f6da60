#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

namespace physgen {

/// Tokens that stand for themselves wherever they occur in a text.
class TokenTrie {
 public:
  /// A token in a text: nothing where its length is 0.
  struct Match {
    size_t begin = 0;
    size_t length = 0;
    int32_t id = 0;
  };

  /// @param content  at least one byte, and not added before
  void add(std::string_view content, int32_t id);

  /// The first token of text[begin, …), the longest of those that begin at the same place.
  Match first_in(std::string_view text, size_t begin) const;

 private:
  static constexpr int32_t kNone = -1;

  Match longest_at(std::string_view text, size_t begin) const;

  std::vector<int32_t> ids_ = {kNone};                     // of the token that ends at a node, or kNone
  std::map<std::pair<uint32_t, uint8_t>, uint32_t> next_;  // node and byte to node
  std::array<bool, 256> starts_ = {};
};

}  // namespace physgen
