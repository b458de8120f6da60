#include "message.h"

#include <cmath>
#include <set>
#include <span>
#include <utility>

#include "physgen/core/error.h"
#include "wire/array.h"
#include "wire/msgpack_view.h"

namespace physgen {
namespace {

using msgpack::type::object_type;

constexpr size_t kLongestText = 1 << 20;
constexpr size_t kLongestList = 1 << 16;
constexpr size_t kMostKeys = 64;
constexpr size_t kDeepest = 8;
constexpr size_t kMostValues = 1 << 17;

/// Counts the values of a message without keeping any: what is announced costs nothing, and what is kept later is
/// bounded by this.
class ValueCount {
 public:
  bool visit_nil() { return add(); }
  bool visit_boolean(bool) { return add(); }
  bool visit_positive_integer(uint64_t) { return add(); }
  bool visit_negative_integer(int64_t) { return add(); }
  bool visit_float32(float) { return add(); }
  bool visit_float64(double) { return add(); }
  bool visit_str(const char*, uint32_t) { return add(); }
  bool visit_bin(const char*, uint32_t) { return add(); }
  bool visit_ext(const char*, uint32_t) { return false; }
  bool start_array(uint32_t items) { return ++depth_ <= kDeepest && items <= kLongestList && add(); }
  bool start_map(uint32_t pairs) { return ++depth_ <= kDeepest && pairs <= kMostKeys && add(); }
  bool end_array() { return leave(); }
  bool end_map() { return leave(); }

  bool start_array_item() { return true; }
  bool end_array_item() { return true; }
  bool start_map_key() { return true; }
  bool end_map_key() { return true; }
  bool start_map_value() { return true; }
  bool end_map_value() { return true; }
  void parse_error(size_t, size_t) {}
  void insufficient_bytes(size_t, size_t) {}
  bool referenced() const { return false; }
  void set_referenced(bool) {}

 private:
  bool add() { return ++count_ <= kMostValues; }
  bool leave() {
    --depth_;
    return true;
  }

  size_t count_ = 0, depth_ = 0;
};

FormatError not_msgpack(const std::string& why) {
  return malformed("the message", "bytes that are not MessagePack (" + why + ")", "a map");
}

msgpack::object_handle unpack(const std::vector<char>& bytes) {
  size_t end = 0;
  ValueCount count;
  if (!msgpack::parse(bytes.data(), bytes.size(), end, count)) {
    throw not_msgpack("cut, too deep, or of too many values");
  }
  if (end != bytes.size()) {
    throw malformed("the message", std::to_string(bytes.size() - end) + " bytes after the message", "one map");
  }
  const auto keep_in_place = [](object_type, size_t, void*) { return true; };
  const msgpack::unpack_limit limit(kLongestList, kMostKeys, kLongestText, kLongestMessage, 0, kDeepest);
  try {
    return msgpack::unpack(bytes.data(), bytes.size(), keep_in_place, nullptr, limit);
  } catch (const msgpack::unpack_error& error) {
    throw not_msgpack(error.what());
  }
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
  const msgpack::object& value = this->value(key, expected);
  if (value.type != type) throw malformed(path(key), name_of(value.type), expected);
  return value;
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

uint64_t Message::unsigned_integer(const char* key) const {
  return require(key, msgpack::type::POSITIVE_INTEGER, "an integer from 0 on").via.u64;
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
  const msgpack::object& value = require(key, msgpack::type::MAP, "an array");
  const WireArray array = array_of(value, path(key));
  if (array.dtype != "<f4" || array.shape.size() != 1) throw malformed(path(key), array.text(), "<f4 [N]");
  return numbers_of(value, path(key));
}

const msgpack::object& Message::value(const char* key, const char* expected) const {
  const msgpack::object* value = find(key);
  if (!value) throw malformed(path(key), "no such key", expected);
  return *value;
}

Message Message::map(const char* key) const {
  const msgpack::object& value = require(key, msgpack::type::MAP, "a map");
  check_keys(value, path(key));
  return {body_, value, path(key) + "."};
}

Image Message::image(const char* key) const { return image_of(value(key, "a picture"), path(key)); }
std::vector<float> Message::numbers(const char* key) const { return numbers_of(value(key, "numbers"), path(key)); }
Matrix Message::matrix(const char* key) const { return matrix_of(value(key, "an array"), path(key)); }

std::vector<std::string> Message::keys() const {
  std::vector<std::string> keys;
  for (const msgpack::object_kv& field : fields_of(*map_)) keys.emplace_back(text_of(field.key));
  return keys;
}

bool Message::is(const char* key, object_type type) const {
  const msgpack::object* value = find(key);
  return value && value->type == type;
}

bool Message::is_map(const char* key) const { return is(key, msgpack::type::MAP); }
bool Message::is_flag(const char* key) const { return is(key, msgpack::type::BOOLEAN); }

}  // namespace physgen
