#include "text/merge_table.h"

#include <algorithm>
#include <queue>
#include <tuple>
#include <utility>

namespace physgen {
namespace {

/// A word while it is merged: a list of tokens, linked so that a merge takes constant time.
class MergingWord {
 public:
  MergingWord(const MergeTable& table, const std::vector<int32_t>& word) : table_(table), pieces_(word.size()) {
    const int64_t count = static_cast<int64_t>(word.size());
    for (int64_t i = 0; i < count; ++i) pieces_[i] = {word[i], i - 1, i + 1 < count ? i + 1 : kNone};
    std::vector<Candidate> candidates;
    for (int64_t i = 0; i + 1 < count; ++i) {
      if (const Merge* merge = table_.find(word[i], word[i + 1])) candidates.push_back({merge, i});
    }
    candidates_ = Queue(Later{}, std::move(candidates));
  }

  void merge_all() {
    while (!candidates_.empty()) {
      const Candidate candidate = candidates_.top();
      candidates_.pop();
      if (still_applies(candidate)) apply(candidate);
    }
  }

  std::vector<int32_t> tokens() const {
    std::vector<int32_t> found;
    for (int64_t i = pieces_.empty() ? kNone : 0; i != kNone; i = pieces_[i].next) found.push_back(pieces_[i].token);
    return found;
  }

 private:
  static constexpr int64_t kNone = -1;
  static constexpr int32_t kMerged = -1;  // the token of a piece that its left neighbour has taken in

  struct Piece {
    int32_t token = kMerged;
    int64_t previous = kNone;
    int64_t next = kNone;
  };

  struct Candidate {
    const Merge* merge;
    int64_t left;
  };

  struct Later {
    bool operator()(const Candidate& a, const Candidate& b) const {
      return std::tie(a.merge->rank, a.left) > std::tie(b.merge->rank, b.left);
    }
  };

  using Queue = std::priority_queue<Candidate, std::vector<Candidate>, Later>;

  /// An earlier merge may have taken either side.
  bool still_applies(const Candidate& candidate) const {
    const Piece& left = pieces_[candidate.left];
    return left.token == candidate.merge->left && left.next != kNone &&
           pieces_[left.next].token == candidate.merge->right;
  }

  void apply(const Candidate& candidate) {
    Piece& left = pieces_[candidate.left];
    Piece& right = pieces_[left.next];
    left.token = candidate.merge->result;
    right.token = kMerged;
    left.next = right.next;
    if (left.next != kNone) pieces_[left.next].previous = candidate.left;
    consider(left.previous);
    consider(candidate.left);
  }

  void consider(int64_t left) {
    if (left == kNone || pieces_[left].next == kNone) return;
    const Merge* merge = table_.find(pieces_[left].token, pieces_[pieces_[left].next].token);
    if (merge) candidates_.push({merge, left});
  }

  const MergeTable& table_;
  std::vector<Piece> pieces_;
  Queue candidates_;
};

}  // namespace

MergeTable::MergeTable(std::vector<Merge> merges, size_t vocabulary_size)
    : merges_(std::move(merges)), begins_(vocabulary_size + 1) {
  std::ranges::sort(merges_, {}, [](const Merge& merge) { return std::pair(merge.left, merge.right); });
  for (const Merge& merge : merges_) ++begins_[static_cast<size_t>(merge.left) + 1];
  for (size_t i = 0; i < vocabulary_size; ++i) begins_[i + 1] += begins_[i];
}

const Merge* MergeTable::find(int32_t left, int32_t right) const {
  const Merge* begin = merges_.data() + begins_[static_cast<size_t>(left)];
  const Merge* end = merges_.data() + begins_[static_cast<size_t>(left) + 1];
  const Merge* found = std::lower_bound(begin, end, right, [](const Merge& a, int32_t b) { return a.right < b; });
  return found != end && found->right == right ? found : nullptr;
}

std::vector<int32_t> MergeTable::merge(const std::vector<int32_t>& word) const {
  MergingWord merging(*this, word);
  merging.merge_all();
  return merging.tokens();
}

}  // namespace physgen
