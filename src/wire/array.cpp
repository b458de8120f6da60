#include "array.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "wire/msgpack_view.h"

namespace physgen {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are copied as little-endian bytes");

constexpr uint64_t kLargestSide = 1 << 11;  // pixels of a picture
constexpr size_t kMostDimensions = 8;
constexpr size_t kMostNumbers = 1 << 16;  // of a state, or of executed actions

std::string_view key_of(const msgpack::object_kv& field) {
  if (field.key.type == msgpack::type::BIN) return binary_of(field.key);
  return field.key.type == msgpack::type::STR ? text_of(field.key) : std::string_view();
}

std::vector<uint64_t> shape_of(const msgpack::object& value, const std::string& key) {
  if (items_of(value).size() > kMostDimensions) throw malformed(key, "a shape of many numbers", "a few");
  std::vector<uint64_t> shape;
  for (const msgpack::object& size : items_of(value)) {
    if (size.type != msgpack::type::POSITIVE_INTEGER) throw malformed(key, name_of(size.type), "a shape of integers");
    shape.push_back(size.via.u64);
  }
  return shape;
}

/// The fields of an array or a picture, by either kind of keys, and whether a field marks it as one.
struct ArrayFields {
  WireArray array;
  std::string_view format;
  bool is_array = false, is_picture = false;
};

ArrayFields array_fields_of(const msgpack::object& value, const std::string& key) {
  if (value.type != msgpack::type::MAP) throw malformed(key, name_of(value.type), "an array");
  ArrayFields fields;
  for (const msgpack::object_kv& field : fields_of(value)) {
    const std::string_view name = key_of(field);
    const bool yes = field.val.type == msgpack::type::BOOLEAN && field.val.via.boolean;
    if (name == "__ndarray__") fields.is_array = yes;
    if (name == "__image__") fields.is_picture = yes;
    if (name == "dtype" && field.val.type == msgpack::type::STR) fields.array.dtype = text_of(field.val);
    if (name == "format" && field.val.type == msgpack::type::STR) fields.format = text_of(field.val);
    if (name == "data" && field.val.type == msgpack::type::BIN) fields.array.data = binary_of(field.val);
    if (name == "shape" && field.val.type == msgpack::type::ARRAY) fields.array.shape = shape_of(field.val, key);
  }
  return fields;
}

/// 0 for a type that no client of a policy sends.
size_t size_of(std::string_view dtype) {
  for (const auto& [name, size] : {std::pair{"|u1", 1},
                                   {"|i1", 1},
                                   {"|b1", 1},
                                   {"<f2", 2},
                                   {"<i2", 2},
                                   {"<u2", 2},
                                   {"<f4", 4},
                                   {"<i4", 4},
                                   {"<u4", 4},
                                   {"<f8", 8},
                                   {"<i8", 8},
                                   {"<u8", 8}}) {
    if (dtype == name) return static_cast<size_t>(size);
  }
  return 0;
}

/// How many numbers a shape holds; nothing where they are more than `most`.
bool counts(const std::vector<uint64_t>& shape, uint64_t most, uint64_t& count) {
  count = 1;
  for (const uint64_t size : shape) {
    if (size > most || (size > 0 && count > most / size)) return false;
    count *= size;
  }
  return true;
}

void check_bytes(const WireArray& array, const std::string& key) {
  const size_t size = size_of(array.dtype);
  if (size == 0) throw malformed(key, array.text(), "little-endian numbers, such as |u1, <f4 or <f8");
  uint64_t count = 0;
  if (counts(array.shape, array.data.size(), count) && count * size == array.data.size()) return;
  throw malformed(key, array.text(), "as many bytes as the shape says");
}

template <class Number>
float one_of(const char* data) {
  Number number;
  std::memcpy(&number, data, sizeof(number));
  return static_cast<float>(number);
}

float number_at(std::string_view dtype, const char* data) {
  if (dtype == "<f4") return one_of<float>(data);
  if (dtype == "<f8") return one_of<double>(data);
  if (dtype == "<f2") return one_of<Eigen::half>(data);
  if (dtype == "|u1" || dtype == "|b1") return one_of<uint8_t>(data);
  if (dtype == "|i1") return one_of<int8_t>(data);
  if (dtype == "<i2") return one_of<int16_t>(data);
  if (dtype == "<u2") return one_of<uint16_t>(data);
  if (dtype == "<i4") return one_of<int32_t>(data);
  if (dtype == "<u4") return one_of<uint32_t>(data);
  return dtype == "<i8" ? one_of<int64_t>(data) : one_of<uint64_t>(data);
}

std::vector<float> finite(std::vector<float> numbers, const std::string& key) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (std::isfinite(numbers[i])) continue;
    throw malformed(key, "number " + std::to_string(i) + " is not finite", "finite numbers");
  }
  return numbers;
}

std::vector<float> numbers_of(const WireArray& array, const std::string& key) {
  const size_t size = size_of(array.dtype), count = array.data.size() / size;
  if (count > kMostNumbers) throw malformed(key, array.text(), "fewer numbers");
  std::vector<float> numbers(count);
  for (size_t i = 0; i < count; ++i) numbers[i] = number_at(array.dtype, array.data.data() + i * size);
  return finite(std::move(numbers), key);
}

float number_of(const msgpack::object& value, const std::string& key) {
  if (value.type == msgpack::type::POSITIVE_INTEGER) return static_cast<float>(value.via.u64);
  if (value.type == msgpack::type::NEGATIVE_INTEGER) return static_cast<float>(value.via.i64);
  if (value.type == msgpack::type::FLOAT32 || value.type == msgpack::type::FLOAT64) {
    return static_cast<float>(value.via.f64);
  }
  throw malformed(key, name_of(value.type), "a number");
}

/// What openpi writes for a single number of numpy's.
const msgpack::object* single_number(const msgpack::object& value) {
  const msgpack::object* number = nullptr;
  bool marked = false;
  for (const msgpack::object_kv& field : fields_of(value)) {
    if (key_of(field) == "__npgeneric__") marked = true;
    if (key_of(field) == "data") number = &field.val;
  }
  return marked ? number : nullptr;
}

bool is_side(uint64_t size) { return size >= 1 && size <= kLargestSide; }

Image turned(const WireArray& array) {
  const auto height = array.shape[1], width = array.shape[2];
  Image image{static_cast<int64_t>(height), static_cast<int64_t>(width), std::vector<uint8_t>(array.data.size())};
  for (uint64_t channel = 0; channel < 3; ++channel) {
    const char* plane = array.data.data() + channel * height * width;
    for (uint64_t i = 0; i < height * width; ++i) image.pixels[i * 3 + channel] = static_cast<uint8_t>(plane[i]);
  }
  return image;
}

Image picture_of(const WireArray& array, const std::string& key) {
  const std::vector<uint64_t>& shape = array.shape;
  if (array.dtype == "|u1" && shape.size() == 3 && is_side(shape[1])) {
    if (shape[2] == 3 && is_side(shape[0])) {
      return {static_cast<int64_t>(shape[0]), static_cast<int64_t>(shape[1]), {array.data.begin(), array.data.end()}};
    }
    if (shape[0] == 3 && is_side(shape[2])) return turned(array);
  }
  throw malformed(key, array.text(), "|u1 [H, W, 3], at most " + std::to_string(kLargestSide) + " pixels a side");
}

Image decoded(std::string_view data, const std::string& key) {
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  const PictureSize size = picture_size(bytes, key);
  if (size.height <= int64_t{kLargestSide} && size.width <= int64_t{kLargestSide}) return decode_picture(bytes, key);
  throw malformed(key, std::to_string(size.height) + " x " + std::to_string(size.width) + " pixels",
                  "at most " + std::to_string(kLargestSide) + " a side");
}

}  // namespace

FormatError malformed(const std::string& key, const std::string& got, const std::string& expected) {
  return FormatError(
      {.what = "a message does not have the agreed form", .where = key, .got = got, .expected = expected});
}

std::string name_of(msgpack::type::object_type type) {
  switch (type) {
    case msgpack::type::NIL:
      return "nil";
    case msgpack::type::BOOLEAN:
      return "a boolean";
    case msgpack::type::POSITIVE_INTEGER:
    case msgpack::type::NEGATIVE_INTEGER:
      return "an integer";
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64:
      return "a float";
    case msgpack::type::STR:
      return "a text";
    case msgpack::type::BIN:
      return "binary data";
    case msgpack::type::ARRAY:
      return "a list";
    case msgpack::type::MAP:
      return "a map";
    case msgpack::type::EXT:
      return "an extension";
  }
  return "an unknown type";
}

std::string WireArray::text() const {
  std::string sizes;
  for (const uint64_t size : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return std::string(dtype) + " [" + sizes + "], " + std::to_string(data.size()) + " bytes";
}

WireArray array_of(const msgpack::object& value, const std::string& key) {
  const ArrayFields fields = array_fields_of(value, key);
  if (!fields.is_array) throw malformed(key, "a map", "an array");
  check_bytes(fields.array, key);
  return fields.array;
}

Image image_of(const msgpack::object& value, const std::string& key) {
  const ArrayFields fields = array_fields_of(value, key);
  if (!fields.is_array && !fields.is_picture) throw malformed(key, "a map", "an array");
  if (fields.is_picture && fields.format != "raw") return decoded(fields.array.data, key);
  check_bytes(fields.array, key);
  return picture_of(fields.array, key);
}

std::vector<float> numbers_of(const msgpack::object& value, const std::string& key) {
  if (value.type == msgpack::type::ARRAY) {
    std::vector<float> numbers;
    for (const msgpack::object& item : items_of(value)) numbers.push_back(number_of(item, key));
    return finite(std::move(numbers), key);
  }
  if (value.type != msgpack::type::MAP) return finite({number_of(value, key)}, key);
  if (const msgpack::object* number = single_number(value)) return finite({number_of(*number, key)}, key);
  return numbers_of(array_of(value, key), key);
}

Matrix matrix_of(const msgpack::object& value, const std::string& key) {
  const WireArray array = array_of(value, key);
  if (array.shape.size() != 2) throw malformed(key, array.text(), "an array [rows, columns]");
  const std::vector<float> numbers = numbers_of(array, key);
  return Eigen::Map<const Matrix>(numbers.data(), static_cast<Eigen::Index>(array.shape[0]),
                                  static_cast<Eigen::Index>(array.shape[1]));
}

}  // namespace physgen
