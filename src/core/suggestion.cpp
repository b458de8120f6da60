#include "physgen/core/suggestion.h"

#include <algorithm>
#include <utility>

namespace physgen {
namespace {

constexpr size_t kLongestWord = 80;  // the distance takes quadratic time

/// Levenshtein's distance: insertions, deletions and replacements that turn one text into the other.
size_t edit_distance(const std::string& from, const std::string& to) {
  std::vector<size_t> row(to.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(const std::string& word, const std::vector<std::string>& choices) {
  if (word.size() > kLongestWord) return "";
  size_t nearest = std::max<size_t>(2, word.size() / 3) + 1;
  std::string best;
  for (const std::string& choice : choices) {
    const size_t distance = edit_distance(word, choice);
    if (distance < nearest && distance < std::max(word.size(), choice.size())) {
      nearest = distance;
      best = choice;
    }
  }
  return best.empty() ? "" : "did you mean \"" + best + "\"?";
}

std::string comma_separated(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace physgen
