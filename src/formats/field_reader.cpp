#include "formats/field_reader.h"

#include <fstream>

#include <physgen/core/error.h>

namespace physgen {

using nlohmann::json;

FieldReader::FieldReader(const json& object, std::string where, std::string layout)
    : object_(object), where_(std::move(where)), layout_(std::move(layout)) {
  if (!object.is_object()) fail("", object.type_name(), "an object");
}

bool FieldReader::has(const std::string& key) const { return object_.contains(key) && !object_[key].is_null(); }

const json& FieldReader::at(const std::string& key, const std::string& expected) const {
  if (!has(key)) fail(key, "nothing", expected);
  return object_[key];
}

std::string FieldReader::text(const std::string& key) const {
  const json& value = at(key, "a string");
  if (!value.is_string()) fail(key, value.type_name(), "a string");
  return value.get<std::string>();
}

int64_t FieldReader::integer(const std::string& key) const {
  const json& value = at(key, "an integer");
  if (!value.is_number_integer()) fail(key, value.dump().substr(0, 40), "an integer");
  return value.get<int64_t>();
}

double FieldReader::number(const std::string& key) const {
  const json& value = at(key, "a number");
  if (!value.is_number()) fail(key, value.dump().substr(0, 40), "a number");
  return value.get<double>();
}

const json& FieldReader::list(const std::string& key) const {
  const json& value = at(key, "a list");
  if (!value.is_array()) fail(key, value.type_name(), "a list");
  return value;
}

FieldReader FieldReader::object(const std::string& key) const { return {at(key, "an object"), path_of(key), layout_}; }

FieldReader FieldReader::object_in(const std::string& key, size_t index) const {
  return {list(key).at(index), path_of(key) + "[" + std::to_string(index) + "]", layout_};
}

std::pair<int64_t, int64_t> FieldReader::range_of(const json& value) const {
  const bool right = value.is_array() && value.size() == 2 && value[0].is_number_integer() &&
                     value[1].is_number_integer() && value[0] <= value[1];
  if (!right) fail("seeds_tried", value.dump().substr(0, 40), "[first, last], two integers");
  return {value[0].get<int64_t>(), value[1].get<int64_t>()};
}

void FieldReader::fail(const std::string& key, const std::string& got, const std::string& expected) const {
  throw FormatError({"the JSON of a set of demonstrations is not " + layout_, path_of(key), got, expected,
                     "make the demonstrations again, or correct the JSON"});
}

std::string FieldReader::path_of(const std::string& key) const {
  if (key.empty()) return where_;
  return where_ + (where_.ends_with(':') ? "" : ".") + key;
}

json read_json_file(const std::string& path, const std::string& what, const std::string& expected,
                    const std::string& next_step) {
  std::ifstream file(path);
  if (!file) throw FormatError({what, path, "no such file", expected, next_step});
  try {
    return json::parse(file);
  } catch (const json::exception& error) {
    throw FormatError({"a file is not JSON", path, error.what(), "one JSON object", "copy or make the file again"});
  }
}

}  // namespace physgen
