#include "rollout/shard.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <vector>

#include "core/whole_number.h"
#include "physgen/core/error.h"
#include "physgen/core/suggestion.h"

namespace physgen {
namespace {

constexpr int64_t kMostShards = 1'000'000;
constexpr const char* kByHand = "name the shard: --shard 2/8";
const std::vector<std::string> kArray = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"};
const std::vector<std::string> kRanks = {"RANK", "WORLD_SIZE"};

bool is_set(const std::string& variable) { return std::getenv(variable.c_str()) != nullptr; }

std::vector<std::string> those_set(const std::vector<std::string>& variables, bool set) {
  std::vector<std::string> found;
  std::copy_if(variables.begin(), variables.end(), std::back_inserter(found),
               [&](const std::string& variable) { return is_set(variable) == set; });
  return found;
}

int64_t value_of(const std::string& variable) {
  const std::string text = std::getenv(variable.c_str());
  if (const std::optional<int64_t> number = whole_number(text)) return *number;
  throw ConfigError({.what = "a variable of the environment is no number",
                     .where = variable,
                     .got = "\"" + text + "\"",
                     .expected = "an integer",
                     .next_step = kByHand});
}

/// Of a place that counts from 0.
Shard shard_at(int64_t place, int64_t count, const std::string& got, const std::string& expected) {
  if (place >= 0 && place < count && count <= kMostShards) return {place + 1, count};
  throw ConfigError({.what = "the environment names a shard that there is not",
                     .where = "--shard auto",
                     .got = got,
                     .expected = expected,
                     .next_step = kByHand});
}

Shard shard_of_array() {
  const int64_t id = value_of(kArray[0]), first = value_of(kArray[1]), count = value_of(kArray[2]);
  return shard_at(
      id - first, count,
      "task " + std::to_string(id) + " of " + std::to_string(count) + " that begin at " + std::to_string(first),
      "an array without gaps, such as sbatch --array=0-7");
}

Shard shard_of_ranks() {
  const int64_t rank = value_of(kRanks[0]), count = value_of(kRanks[1]);
  return shard_at(rank, count, "RANK " + std::to_string(rank) + ", WORLD_SIZE " + std::to_string(count),
                  "a RANK from 0 to WORLD_SIZE - 1");
}

/// Whether all the variables are there; some of them alone are refused.
bool complete(const std::vector<std::string>& variables) {
  const std::vector<std::string> there = those_set(variables, true), missing = those_set(variables, false);
  if (there.empty() || missing.empty()) return missing.empty();
  throw ConfigError({.what = "the environment says only in part which shard this is",
                     .where = "--shard auto",
                     .got = comma_separated(there) + " without " + comma_separated(missing),
                     .expected = comma_separated(variables),
                     .next_step = kByHand});
}

ConfigError no_answer(const std::string& what, const std::string& got) {
  return ConfigError({.what = what,
                      .where = "--shard auto",
                      .got = got,
                      .expected = comma_separated(kArray) + " (a job array of Slurm), or " + comma_separated(kRanks),
                      .next_step = kByHand});
}

Shard shard_of_environment() {
  const bool array = complete(kArray), ranks = complete(kRanks);
  if (array && ranks) throw no_answer("the environment says twice which shard this is", "both");
  if (!array && !ranks) throw no_answer("nothing in the environment says which shard this is", "neither");
  return array ? shard_of_array() : shard_of_ranks();
}

}  // namespace

std::string Shard::text() const { return std::to_string(number) + "/" + std::to_string(count); }

std::string Shard::folder() const { return "shard-" + std::to_string(number) + "-of-" + std::to_string(count); }

Shard parse_shard(const std::string& text) {
  if (text.empty()) return {};
  const size_t slash = std::min(text.find('/'), text.size());
  const auto number = whole_number(text.substr(0, slash));
  const auto count = whole_number(text.substr(std::min(slash + 1, text.size())));
  if (number && count && *number >= 1 && *number <= *count && *count <= kMostShards) return {*number, *count};
  throw ConfigError({.what = "there is no such shard",
                     .where = "--shard",
                     .got = "\"" + text + "\"",
                     .expected = "a number and how many there are, 1/8 to 8/8, or auto"});
}

Shard chosen_shard(const std::string& text) { return text == "auto" ? shard_of_environment() : parse_shard(text); }

}  // namespace physgen
