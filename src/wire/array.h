#pragma once

#include <cstdint>
#include <msgpack.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "physgen/core/error.h"
#include "physgen/core/matrix.h"
#include "physgen/media/image.h"

namespace physgen {

/// The error of a message that is not as agreed. @param key  within the message
FormatError malformed(const std::string& key, const std::string& got, const std::string& expected);

/// What a value is, in words: "a map".
std::string name_of(msgpack::type::object_type type);

/// A numeric array as it came: C order, little-endian; `data` points into the message. Untrusted.
struct WireArray {
  std::string_view dtype;       ///< as numpy writes it: "<f4"
  std::vector<uint64_t> shape;  ///< empty: a single number
  std::string_view data;

  std::string text() const;
};

/// An array as openpi writes it, a map with the binary keys `__ndarray__`, `data`, `dtype` and `shape`, or as
/// vla-evaluation-harness does, with text keys. Throws FormatError for anything else, and for other bytes than the
/// shape says.
WireArray array_of(const msgpack::object& value, const std::string& key);

/// Three bytes a pixel: an array |u1 [H, W, 3], or [3, H, W], which is turned; or a map `__image__` of
/// vla-evaluation-harness's, raw, PNG or JPEG. Throws FormatError.
Image image_of(const msgpack::object& value, const std::string& key);

/// The numbers of an array of any shape, of a list, or a single one: floats of 16 to 64 bits and integers. Throws
/// FormatError where one is not finite or beyond float32.
std::vector<float> numbers_of(const msgpack::object& value, const std::string& key);

/// An array [rows, columns]. Throws FormatError, as `numbers_of` does, too.
Matrix matrix_of(const msgpack::object& value, const std::string& key);

}  // namespace physgen
