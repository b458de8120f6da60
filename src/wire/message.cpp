#include "message.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <set>
#include <span>
#include <utility>

#include "physgen/core/error.h"

namespace physgen {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are copied as little-endian bytes");

using msgpack::type::object_type;

constexpr size_t kLongestText = 1 << 20;
constexpr size_t kLongestList = 1 << 16;
constexpr size_t kMostKeys = 64;
constexpr size_t kDeepest = 8;
constexpr uint64_t kLargestSide = 1 << 14;

FormatError malformed(const std::string& key, const std::string& got, const std::string& expected) {
  return FormatError(
      {.what = "a message does not have the agreed form", .where = key, .got = got, .expected = expected});
}

std::string name_of(object_type type) {
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

std::string_view text_of(const msgpack::object& value) { return {value.via.str.ptr, value.via.str.size}; }
std::string_view binary_of(const msgpack::object& value) { return {value.via.bin.ptr, value.via.bin.size}; }
std::span<const msgpack::object> items_of(const msgpack::object& value) {
  return {value.via.array.ptr, value.via.array.size};
}
std::span<const msgpack::object_kv> fields_of(const msgpack::object& value) {
  return {value.via.map.ptr, value.via.map.size};
}

/// An array as it came: C order, little-endian.
struct NumericArray {
  std::string_view dtype;
  std::vector<uint64_t> shape;
  std::string_view data;

  std::string text() const {
    std::string sizes;
    for (const uint64_t size : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
    return std::string(dtype) + " [" + sizes + "], " + std::to_string(data.size()) + " bytes";
  }
};

std::vector<uint64_t> shape_of(const msgpack::object& value, const std::string& key) {
  std::vector<uint64_t> shape;
  for (const msgpack::object& size : items_of(value)) {
    if (size.type != msgpack::type::POSITIVE_INTEGER) throw malformed(key, name_of(size.type), "a shape of integers");
    shape.push_back(size.via.u64);
  }
  return shape;
}

NumericArray array_of(const msgpack::object& value, const std::string& key) {
  if (value.type != msgpack::type::MAP) throw malformed(key, name_of(value.type), "an array");
  NumericArray array;
  bool marked = false;
  for (const msgpack::object_kv& field : fields_of(value)) {
    const std::string_view name = field.key.type == msgpack::type::BIN ? binary_of(field.key) : "";
    if (name == "__ndarray__") marked = field.val.type == msgpack::type::BOOLEAN && field.val.via.boolean;
    if (name == "dtype" && field.val.type == msgpack::type::STR) array.dtype = text_of(field.val);
    if (name == "data" && field.val.type == msgpack::type::BIN) array.data = binary_of(field.val);
    if (name == "shape" && field.val.type == msgpack::type::ARRAY) array.shape = shape_of(field.val, key);
  }
  if (!marked) throw malformed(key, "a map", "an array");
  return array;
}

Image image_of(const msgpack::object& value, const std::string& key) {
  const NumericArray array = array_of(value, key);
  const bool sized = array.dtype == "|u1" && array.shape.size() == 3 && array.shape[2] == 3 && array.shape[0] >= 1 &&
                     array.shape[0] <= kLargestSide && array.shape[1] >= 1 && array.shape[1] <= kLargestSide;
  if (!sized || array.data.size() != array.shape[0] * array.shape[1] * 3) {
    throw malformed(key, array.text(), "|u1 [H, W, 3] with H * W * 3 bytes");
  }
  return {static_cast<int64_t>(array.shape[0]), static_cast<int64_t>(array.shape[1]),
          std::vector<uint8_t>(array.data.begin(), array.data.end())};
}

msgpack::object_handle unpack(const std::vector<char>& bytes) {
  const auto keep_in_place = [](object_type, size_t, void*) { return true; };
  const msgpack::unpack_limit limit(kLongestList, kMostKeys, kLongestText, kLongestMessage, 0, kDeepest);
  size_t end = 0;
  msgpack::object_handle root;
  try {
    root = msgpack::unpack(bytes.data(), bytes.size(), end, keep_in_place, nullptr, limit);
  } catch (const msgpack::unpack_error& error) {
    throw malformed("the message", std::string("bytes that are not MessagePack (") + error.what() + ")", "a map");
  }
  if (end != bytes.size()) {
    throw malformed("the message", std::to_string(bytes.size() - end) + " bytes after the message", "one map");
  }
  return root;
}

void check_keys(const msgpack::object& map, const std::string& where) {
  if (map.type != msgpack::type::MAP) throw malformed(where, name_of(map.type), "a map");
  std::set<std::string_view> keys;
  for (const msgpack::object_kv& field : fields_of(map)) {
    if (field.key.type != msgpack::type::STR)
      throw malformed(where, "a key that is " + name_of(field.key.type), "text keys");
    const std::string_view key = text_of(field.key);
    if (!keys.insert(key).second) throw malformed(std::string(key), "the key twice", "each key once");
  }
}

}  // namespace

void MessageWriter::begin_field(const char* key) {
  ++count_;
  msgpack::pack(fields_, key);
}

MessageWriter& MessageWriter::add_flag(const char* key, bool value) {
  begin_field(key);
  msgpack::pack(fields_, value);
  return *this;
}

MessageWriter& MessageWriter::add_integer(const char* key, int64_t value) {
  begin_field(key);
  msgpack::pack(fields_, value);
  return *this;
}

MessageWriter& MessageWriter::add_text(const char* key, const std::string& value) {
  begin_field(key);
  msgpack::pack(fields_, value);
  return *this;
}

MessageWriter& MessageWriter::add_texts(const char* key, const std::vector<std::string>& values) {
  begin_field(key);
  msgpack::pack(fields_, values);
  return *this;
}

MessageWriter& MessageWriter::add_matrix(const char* key, const Matrix& value) {
  begin_field(key);
  msgpack::packer<msgpack::sbuffer> packer(fields_);
  const auto pack_name = [&packer](std::string_view name) {
    packer.pack_bin(static_cast<uint32_t>(name.size()));
    packer.pack_bin_body(name.data(), static_cast<uint32_t>(name.size()));
  };
  packer.pack_map(4);
  pack_name("__ndarray__");
  packer.pack_true();
  pack_name("data");
  pack_name({reinterpret_cast<const char*>(value.data()), static_cast<size_t>(value.size()) * sizeof(float)});
  pack_name("dtype");
  packer.pack("<f4");
  pack_name("shape");
  packer.pack_array(2);
  packer.pack(static_cast<int64_t>(value.rows()));
  packer.pack(static_cast<int64_t>(value.cols()));
  return *this;
}

std::string MessageWriter::bytes() const {
  msgpack::sbuffer header;
  msgpack::packer<msgpack::sbuffer>(header).pack_map(count_);
  std::string bytes(header.data(), header.size());
  return bytes.append(fields_.data(), fields_.size());
}

Message::Message(std::vector<char> bytes) {
  const auto body = std::make_shared<Body>(Body{std::move(bytes), {}});
  body->root = unpack(body->bytes);
  body_ = body;
  map_ = &body_->root.get();
  check_keys(*map_, "the message");
}

Message::Message(std::shared_ptr<const Body> body, const msgpack::object& map, std::string place)
    : body_(std::move(body)), map_(&map), place_(std::move(place)) {}

const msgpack::object* Message::find(const char* key) const {
  for (const msgpack::object_kv& field : fields_of(*map_)) {
    if (text_of(field.key) == key) return &field.val;
  }
  return nullptr;
}

const msgpack::object& Message::require(const char* key, object_type type, const char* expected) const {
  const msgpack::object* value = find(key);
  if (!value) throw malformed(path(key), "no such key", expected);
  if (value->type != type) throw malformed(path(key), name_of(value->type), expected);
  return *value;
}

bool Message::flag(const char* key) const { return require(key, msgpack::type::BOOLEAN, "a boolean").via.boolean; }

int64_t Message::integer(const char* key, int64_t least, int64_t most) const {
  const std::string expected = "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  const msgpack::object* value = find(key);
  if (value && value->type == msgpack::type::NEGATIVE_INTEGER) {
    if (value->via.i64 >= least && value->via.i64 <= most) return value->via.i64;
    throw malformed(path(key), std::to_string(value->via.i64), expected);
  }
  const uint64_t number = require(key, msgpack::type::POSITIVE_INTEGER, expected.c_str()).via.u64;
  if (std::in_range<int64_t>(number) && std::cmp_greater_equal(number, least) && std::cmp_less_equal(number, most)) {
    return static_cast<int64_t>(number);
  }
  throw malformed(path(key), std::to_string(number), expected);
}

double Message::number(const char* key) const {
  const msgpack::object* value = find(key);
  if (!value) throw malformed(path(key), "no such key", "a number");
  if (value->type == msgpack::type::POSITIVE_INTEGER) return static_cast<double>(value->via.u64);
  if (value->type == msgpack::type::NEGATIVE_INTEGER) return static_cast<double>(value->via.i64);
  const bool is_float = value->type == msgpack::type::FLOAT32 || value->type == msgpack::type::FLOAT64;
  if (!is_float) throw malformed(path(key), name_of(value->type), "a number");
  if (!std::isfinite(value->via.f64)) throw malformed(path(key), "a number that is not finite", "a finite number");
  return value->via.f64;
}

std::string Message::text(const char* key) const {
  return std::string(text_of(require(key, msgpack::type::STR, "a text")));
}

std::vector<std::string> Message::texts(const char* key) const {
  std::vector<std::string> texts;
  for (const msgpack::object& item : items_of(require(key, msgpack::type::ARRAY, "a list of texts"))) {
    if (item.type != msgpack::type::STR) throw malformed(path(key), name_of(item.type), "a list of texts");
    texts.emplace_back(text_of(item));
  }
  return texts;
}

std::vector<Message> Message::maps(const char* key) const {
  std::vector<Message> maps;
  for (const msgpack::object& item : items_of(require(key, msgpack::type::ARRAY, "a list of maps"))) {
    const std::string place = path(key) + "[" + std::to_string(maps.size()) + "]";
    check_keys(item, place);
    maps.push_back(Message(body_, item, place + "."));
  }
  return maps;
}

std::vector<Image> Message::images(const char* key) const {
  std::vector<Image> images;
  for (const msgpack::object& item : items_of(require(key, msgpack::type::ARRAY, "a list of pictures"))) {
    images.push_back(image_of(item, path(key) + "[" + std::to_string(images.size()) + "]"));
  }
  return images;
}

std::vector<float> Message::floats(const char* key) const {
  const NumericArray array = array_of(require(key, msgpack::type::MAP, "an array"), path(key));
  if (array.dtype != "<f4" || array.shape.size() != 1 || array.shape[0] > kLongestList ||
      array.data.size() != array.shape[0] * sizeof(float)) {
    throw malformed(path(key), array.text(), "<f4 [N] with N * 4 bytes");
  }
  std::vector<float> values(array.shape[0]);
  if (!values.empty()) std::memcpy(values.data(), array.data.data(), array.data.size());
  for (const float value : values) {
    if (!std::isfinite(value)) throw malformed(path(key), "a number that is not finite", "finite numbers");
  }
  return values;
}

}  // namespace physgen
