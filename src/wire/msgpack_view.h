#pragma once

#include <msgpack.hpp>
#include <span>
#include <string_view>

namespace physgen {

// What a value holds, which must be of that kind; it points into the message.
inline std::string_view text_of(const msgpack::object& value) { return {value.via.str.ptr, value.via.str.size}; }
inline std::string_view binary_of(const msgpack::object& value) { return {value.via.bin.ptr, value.via.bin.size}; }
inline std::span<const msgpack::object> items_of(const msgpack::object& value) {
  return {value.via.array.ptr, value.via.array.size};
}
inline std::span<const msgpack::object_kv> fields_of(const msgpack::object& value) {
  return {value.via.map.ptr, value.via.map.size};
}

}  // namespace physgen
