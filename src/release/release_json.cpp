#include "release/release_json.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <physgen/core/error.h>

#include "core/strict_json.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kLongestQuote = 100;     // bytes
constexpr uintmax_t kLargest = 16 << 20;  // bytes: the index of a sharded model is some hundred kilobytes

std::string contents_of(const fs::path& path) {
  std::error_code absent;
  const uintmax_t size = fs::is_regular_file(path, absent) ? fs::file_size(path, absent) : 0;
  if (absent || !fs::is_regular_file(path) || size > kLargest) {
    throw FormatError({.what = "a file of the release is not there or no config",
                       .where = path.string(),
                       .got = size > kLargest ? std::to_string(size) + " bytes" : "no regular file",
                       .expected = "a JSON file of at most 16 MiB",
                       .next_step = "download the whole release"});
  }
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

ReleaseJson::ReleaseJson(std::shared_ptr<const json> root, std::string source)
    : root_(std::move(root)), source_(std::move(source)) {}

ReleaseJson ReleaseJson::load(const fs::path& path) {
  auto root = std::make_shared<const json>(parse_strict_json(contents_of(path), path.string()));
  if (!root->is_object()) {
    throw FormatError(
        {.what = "a config is not a JSON object", .where = path.string(), .got = std::string(root->type_name())});
  }
  return {std::move(root), path.string()};
}

bool ReleaseJson::has(const std::string& key) const { return root_->contains(key) && !root_->at(key).is_null(); }

bool ReleaseJson::is_number(const std::string& key) const { return has(key) && root_->at(key).is_number(); }

const json& ReleaseJson::at(const std::string& key) const {
  if (!has(key)) refuse(key, "nothing", "a value");
  return root_->at(key);
}

void ReleaseJson::refuse(const std::string& key, const std::string& got, const std::string& expected) const {
  throw FormatError({.what = "a config says what this library does not read",
                     .where = source_ + ": " + key,
                     .got = got.size() > kLongestQuote ? got.substr(0, kLongestQuote) + "…" : got,
                     .expected = expected});
}

int64_t ReleaseJson::integer(const std::string& key, int64_t least, int64_t most) const {
  const json& value = at(key);
  const bool whole =
      value.is_number_integer() || (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()) &&
                                    std::abs(value.get<double>()) < 1e15);
  const int64_t number = whole ? value.get<int64_t>() : 0;
  if (!whole || number < least || number > most) {
    refuse(key, value.dump(), "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

int64_t ReleaseJson::integer_or(const std::string& key, int64_t fallback, int64_t least, int64_t most) const {
  return has(key) ? integer(key, least, most) : fallback;
}

double ReleaseJson::number_or(const std::string& key, double fallback, double least, double most) const {
  if (!has(key)) return fallback;
  const double value = is_number(key) ? at(key).get<double>() : NAN;
  if (value >= least && value <= most) return value;
  refuse(key, at(key).dump(), "a number from " + std::to_string(least) + " to " + std::to_string(most));
}

bool ReleaseJson::flag_or(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!at(key).is_boolean()) refuse(key, at(key).dump(), "true or false");
  return at(key).get<bool>();
}

std::string ReleaseJson::text_or(const std::string& key, const std::string& fallback) const {
  if (!has(key)) return fallback;
  if (!at(key).is_string()) refuse(key, at(key).dump(), "a text");
  return at(key).get<std::string>();
}

std::vector<int64_t> ReleaseJson::integers(const std::string& key, size_t count) const {
  const json& list = at(key);
  std::vector<int64_t> numbers;
  const bool fits = list.is_array() && !list.empty() && list.size() <= 16 && (count == 0 || list.size() == count);
  for (const json& item : fits ? list : json::array()) {
    const bool good = item.is_number_integer() && item.get<int64_t>() >= 1 && item.get<int64_t>() <= 1 << 20;
    if (good) numbers.push_back(item.get<int64_t>());
  }
  if (fits && numbers.size() == list.size()) return numbers;
  refuse(key, list.dump().substr(0, 100), "a list of " + (count == 0 ? "" : std::to_string(count) + " ") + "integers");
}

std::vector<std::string> ReleaseJson::texts(const std::string& key) const {
  const json& list = at(key);
  std::vector<std::string> words;
  for (const json& item : list.is_array() ? list : json::array()) {
    if (item.is_string()) words.push_back(item.get<std::string>());
  }
  if (!list.is_array() || words.size() != list.size()) refuse(key, list.dump().substr(0, 100), "a list of texts");
  return words;
}

std::vector<std::pair<std::string, std::string>> ReleaseJson::members(const std::string& key) const {
  const json& object = at(key);
  if (!object.is_object()) refuse(key, object.dump().substr(0, 100), "an object");
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, value] : object.items()) {
    if (!value.is_string()) refuse(key + "." + name, value.dump().substr(0, 100), "a text");
    pairs.emplace_back(name, value.get<std::string>());
  }
  return pairs;
}

void ReleaseJson::require(const std::string& key, const std::string& fallback, const std::string& expected) const {
  const std::string got = text_or(key, fallback);
  if (got != expected) refuse(key, "\"" + got + "\"", "\"" + expected + "\"");
}

void ReleaseJson::require_flag(const std::string& key, bool fallback, bool expected) const {
  const auto text = [](bool value) { return value ? "true" : "false"; };
  const bool got = flag_or(key, fallback);
  if (got != expected) refuse(key, text(got), text(expected));
}

}  // namespace physgen
