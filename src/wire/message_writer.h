#pragma once

#include <cstdint>
#include <msgpack.hpp>
#include <string>
#include <vector>

#include "physgen/core/matrix.h"
#include "physgen/media/image.h"

namespace physgen {

/// Whose arrays a message holds: openpi's have binary keys, vla-evaluation-harness's text keys.
enum class ArrayKeys { binary, text };

/// Writes a MessagePack map with text keys.
class MessageWriter {
 public:
  explicit MessageWriter(ArrayKeys array_keys = ArrayKeys::binary) : array_keys_(array_keys) {}
  /// A message of the simulator protocol, or another whose first key says what it asks for.
  explicit MessageWriter(const std::string& request) { add_text("request", request); }

  MessageWriter& add_flag(const char* key, bool value) { return add(key, value); }
  MessageWriter& add_integer(const char* key, int64_t value) { return add(key, value); }
  MessageWriter& add_unsigned(const char* key, uint64_t value) { return add(key, value); }
  MessageWriter& add_number(const char* key, double value) { return add(key, value); }
  MessageWriter& add_text(const char* key, const std::string& value) { return add(key, value); }
  MessageWriter& add_texts(const char* key, const std::vector<std::string>& values) { return add(key, values); }
  /// float32 [rows, columns].
  MessageWriter& add_matrix(const char* key, const Matrix& value);
  /// float32 [N].
  MessageWriter& add_numbers(const char* key, const std::vector<float>& values);
  /// uint8 [H, W, 3].
  MessageWriter& add_image(const char* key, const Image& image);
  MessageWriter& add_map(const char* key, const MessageWriter& map);
  MessageWriter& add_maps(const char* key, const std::vector<MessageWriter>& maps);

  /// The finished message.
  std::string bytes() const;

 private:
  template <class Value>
  MessageWriter& add(const char* key, const Value& value) {
    begin_field(key);
    msgpack::pack(fields_, value);
    return *this;
  }
  void begin_field(const char* key);
  void append(const MessageWriter& map);
  void add_array(const char* key, const char* dtype, const std::vector<int64_t>& shape, const void* data, size_t bytes);

  ArrayKeys array_keys_ = ArrayKeys::binary;
  uint32_t count_ = 0;
  msgpack::sbuffer fields_;
};

}  // namespace physgen
