#pragma once

#include <cstdint>
#include <memory>
#include <msgpack.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "physgen/core/matrix.h"
#include "physgen/media/image.h"

namespace physgen {

inline constexpr size_t kLongestMessage = 256 << 20;  // bytes

/// A received message: every getter checks presence, type and bounds and throws FormatError naming the key. Untrusted.
class Message {
 public:
  /// Throws FormatError unless the bytes are exactly one map with text keys, each once. What they announce is not
  /// believed: no more is allocated than a bounded multiple of their length.
  explicit Message(std::vector<char> bytes);

  bool has(const char* key) const { return find(key) != nullptr; }
  bool flag(const char* key) const;
  int64_t integer(const char* key, int64_t least, int64_t most) const;
  uint64_t unsigned_integer(const char* key) const;
  /// A finite float or an integer.
  double number(const char* key) const;
  std::string text(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  /// A list of maps, each read as the message is; errors name the key within its place: "tasks[2].name".
  std::vector<Message> maps(const char* key) const;
  /// A list of uint8 arrays [H, W, 3].
  std::vector<Image> images(const char* key) const;
  /// A float32 array [N] of finite numbers.
  std::vector<float> floats(const char* key) const;
  /// A map with text keys, read as the message is; errors name the key within its place: "payload.task".
  Message map(const char* key) const;
  /// As array.h has them: a picture, numbers in any of the forms in which clients write them, an array of two
  /// dimensions.
  Image image(const char* key) const;
  std::vector<float> numbers(const char* key) const;
  Matrix matrix(const char* key) const;

  std::vector<std::string> keys() const;
  bool is_map(const char* key) const;
  bool is_flag(const char* key) const;

 private:
  struct Body {
    std::vector<char> bytes;  // the texts and binaries of root point into it
    msgpack::object_handle root;
  };

  Message(std::shared_ptr<const Body> body, const msgpack::object& map, std::string place);
  const msgpack::object* find(const char* key) const;
  bool is(const char* key, msgpack::type::object_type type) const;
  const msgpack::object& value(const char* key, const char* expected) const;
  const msgpack::object& require(const char* key, msgpack::type::object_type type, const char* expected) const;
  std::string path(const char* key) const { return place_ + key; }

  std::shared_ptr<const Body> body_;
  const msgpack::object* map_;
  std::string place_;  // what stands before a key: "", or "tasks[2]."
};

}  // namespace physgen
