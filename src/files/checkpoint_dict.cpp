#include "files/checkpoint_dict.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "core/first_few.h"
#include "core/quote.h"
#include "files/pickle_error.h"

namespace physgen {
namespace {

constexpr size_t kMostKeys = 3;  // from the checkpoint's dict to the state dict
constexpr size_t kMostStateDicts = 64;
constexpr size_t kMostDicts = 1 << 16;  // in the dicts on the way; each takes microseconds
constexpr size_t kMostShown = 8;
constexpr size_t kLongestKey = 100;  // bytes of it that are looked at and shown

constexpr auto kWeights =
    std::to_array<std::string_view>({"model", "state_dict", "module", "model_state_dict", "model_state",
                                     "model_weights", "weights", "state", "checkpoint"});

// What words of keys begin with under which there are tensors, but no weights.
constexpr auto kAside =
    std::to_array<std::string_view>({"optim", "sched", "lr", "rng", "random", "scaler", "grad", "callback", "loop",
                                     "hyper", "hparam", "args", "config", "cfg", "metric", "loss", "history", "log"});

constexpr auto kAverage = std::to_array<std::string_view>({"ema", "shadow", "average", "averaged", "avg", "swa"});

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_capital(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }

/// In lower case: of "modelEMA_2" they are "model" and "ema".
std::vector<std::string> words_of(std::string_view key) {
  std::vector<std::string> words;
  for (size_t i = 0; i < std::min(key.size(), kLongestKey); ++i) {
    if (!is_letter(key[i])) continue;
    const bool begins = i == 0 || !is_letter(key[i - 1]) || (is_capital(key[i]) && !is_capital(key[i - 1]));
    if (begins) words.emplace_back();
    words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(key[i])));
  }
  return words;
}

bool is_aside(std::string_view key) {
  return std::ranges::any_of(words_of(key), [](const std::string& word) {
    return std::ranges::any_of(kAside, [&](std::string_view begin) { return word.starts_with(begin); });
  });
}

std::string tensors_text(size_t count) { return std::to_string(count) + (count == 1 ? " tensor" : " tensors"); }

class StateDictFinder {
 public:
  StateDictFinder(std::span<const PickleDict> dicts, std::span<const PickledTensor> tensors, const std::string& source)
      : dicts_(dicts), tensors_(tensors), source_(source), seen_(dicts.size()) {}

  StateDictPlace find(size_t root) {
    if (dicts_[root].is_state_dict()) return {.dict = root};
    nodes_.push_back({.dict = root});
    for (size_t i = 0; i < nodes_.size(); ++i) look_into(i);
    if (found_.empty()) refuse_none();
    return {.dict = choose().dict, .note = note()};
  }

 private:
  /// A dict on the way, or at its end. Paths are kept as parents: a key may be long, and lead to many dicts.
  struct Node {
    size_t dict = 0;
    size_t parent = 0;  ///< among the nodes
    std::string_view key = {};
    size_t keys = 0;  ///< from the root
    bool of_weights = true;
    bool average = false;
  };

  /// From the root outwards, and into each dict once, whatever refers to it how often.
  void look_into(size_t parent) {
    for (const auto& [key, value] : dicts_[nodes_[parent].dict].items) {
      if (!is_dict(value)) continue;
      if (++looked_at_ > kMostDicts) refuse_pickle(source_, "more dicts in dicts", "a checkpoint", kSaveStateDict);
      if (is_aside(key)) continue;
      const Node child = child_of(parent, key, static_cast<size_t>(value.number));
      const PickleDict& dict = dicts_[child.dict];
      if (dict.is_state_dict() && dict.tensors > 0) {
        add(child);
      } else if (child.keys < kMostKeys && !seen_[child.dict]) {
        seen_[child.dict] = true;
        nodes_.push_back(child);
      }
    }
  }

  Node child_of(size_t parent, std::string_view key, size_t dict) const {
    const Node& above = nodes_[parent];
    const bool known = std::ranges::find(kWeights, key) != kWeights.end();
    return {.dict = dict,
            .parent = parent,
            .key = key,
            .keys = above.keys + 1,
            .of_weights = above.of_weights && known,
            .average = above.average || is_average_name(key) || (key == "module" && has_decay(above))};
  }

  /// Of a module that averages the weights of another: {"decay": 0.999, "module": …}.
  bool has_decay(const Node& node) const {
    return std::ranges::any_of(dicts_[node.dict].items, [](const PickleItem& item) { return item.first == "decay"; });
  }

  void add(const Node& node) {
    if (found_.size() == kMostStateDicts) {
      refuse_pickle(source_, "more state dicts", "one", kSaveStateDict);
    }
    found_.push_back(node);
  }

  Node choose() {
    std::vector<Node> fit = found_;
    const auto keep = [&](const auto& wanted) {
      if (std::ranges::any_of(fit, wanted)) std::erase_if(fit, [&](const Node& node) { return !wanted(node); });
    };
    keep([](const Node& node) { return !node.average; });
    keep([](const Node& node) { return node.of_weights; });
    if (!std::ranges::all_of(fit, [&](const Node& node) { return are_same(node, fit[0]); })) refuse_several(fit);
    taken_ = fit[0];
    return taken_;
  }

  bool are_same(const Node& a, const Node& b) const {
    const auto same_item = [&](const PickleItem& x, const PickleItem& y) {
      return x.first == y.first && are_same(x.second, y.second);
    };
    return a.dict == b.dict || std::ranges::equal(dicts_[a.dict].items, dicts_[b.dict].items, same_item);
  }

  bool are_same(const PickleValue& a, const PickleValue& b) const {
    const PickledTensor &x = tensors_[static_cast<size_t>(a.number)], &y = tensors_[static_cast<size_t>(b.number)];
    return x.storage.key == y.storage.key && x.offset == y.offset && x.shape == y.shape && x.strides == y.strides;
  }

  std::string note() const {
    std::vector<std::string> left;
    for (const Node& node : found_) {
      if (!are_same(node, taken_)) left.push_back(path_of(node) + (node.average ? " (an EMA copy)" : ""));
    }
    return "those of " + path_of(taken_) + (taken_.average ? ", an EMA copy: there are no others" : "") +
           (left.empty() ? "" : "; not taken: " + first_few(left, kMostShown));
  }

  std::string path_of(const Node& node) const { return quote(keys_of(node)); }

  std::string keys_of(const Node& node) const {
    const std::string key(node.key.substr(0, kLongestKey));
    return node.keys <= 1 ? key : keys_of(nodes_[node.parent]) + "." + key;
  }

  [[noreturn]] void refuse_several(const std::vector<Node>& nodes) const {
    std::vector<std::string> texts;
    for (const Node& node : nodes) {
      texts.push_back(path_of(node) + " with " + tensors_text(dicts_[node.dict].tensors));
    }
    throw FormatError({.what = "a checkpoint holds several state dicts, and none is plainly the model's",
                       .where = source_,
                       .got = first_few(texts, kMostShown),
                       .expected = "one, or one under \"model\" or \"state_dict\"",
                       .next_step = "save the one that is meant alone: torch.save(checkpoint[key], path)"});
  }

  /// Blames the first dict that holds a tensor, else the whole.
  [[noreturn]] void refuse_none() const {
    const auto found = std::ranges::find_if(nodes_, [&](const Node& node) { return dicts_[node.dict].tensors > 0; });
    const Node& node = found == nodes_.end() ? nodes_[0] : *found;
    const PickleDict& dict = dicts_[node.dict];
    const std::string in = node.keys == 0 ? "" : " in " + path_of(node);
    if (dict.other_key)
      refuse_pickle(source_, "the key of a dict" + in + " is " + described(*dict.other_key), "a text");
    const auto odd =
        std::ranges::find_if(dict.items, [](const PickleItem& item) { return item.second.kind != PickleKind::tensor; });
    refuse_pickle(source_, "the value of " + quote(odd->first) + in + " is " + described(odd->second.kind),
                  "a tensor, or a state dict under \"model\", \"state_dict\" or \"module\"", kSaveStateDict);
  }

  std::span<const PickleDict> dicts_;
  std::span<const PickledTensor> tensors_;
  const std::string& source_;
  std::vector<bool> seen_;
  std::vector<Node> nodes_;
  std::vector<Node> found_;
  Node taken_;
  size_t looked_at_ = 0;
};

}  // namespace

StateDictPlace find_state_dict(size_t root, std::span<const PickleDict> dicts, std::span<const PickledTensor> tensors,
                               const std::string& source) {
  return StateDictFinder(dicts, tensors, source).find(root);
}

bool is_average_name(std::string_view name) {
  return std::ranges::any_of(
      words_of(name), [](const std::string& word) { return std::ranges::find(kAverage, word) != kAverage.end(); });
}

}  // namespace physgen
