#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace physgen {

/// Two neighbouring tokens become one. The earlier in a tokenizer's list, the sooner.
struct Merge {
  int32_t left = 0;
  int32_t right = 0;
  int32_t result = 0;
  int32_t rank = 0;
};

/// The merges of a byte-pair tokenizer, found by their pair.
class MergeTable {
 public:
  MergeTable() = default;
  /// @param merges  no pair twice; each token in [0, vocabulary_size)
  MergeTable(std::vector<Merge> merges, size_t vocabulary_size);

  /// The merge of two neighbours, or null.
  const Merge* find(int32_t left, int32_t right) const;

  /// Merges a word's tokens, the lowest rank first and of equal ranks the leftmost, until none applies. A word of n
  /// tokens takes O(n log n) time.
  std::vector<int32_t> merge(const std::vector<int32_t>& word) const;

 private:
  std::vector<Merge> merges_;   // ordered by left, right
  std::vector<size_t> begins_;  // where the merges of a left token begin; one more at the end
};

}  // namespace physgen
