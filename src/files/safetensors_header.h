#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "files/safetensors.h"

namespace physgen {

/// One tensor as the header names it. Its bytes are [begin, end) of what follows the header.
struct TensorPlace {
  std::string name;
  DataType type = DataType::f32;
  std::vector<int64_t> shape;
  uint64_t begin = 0;
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<TensorPlace> tensors;  ///< in the order of the bytes
  std::map<std::string, std::string> metadata;
};

/// Reads the JSON of a header, whose tensors must fill exactly `data_size` bytes. Throws FormatError.
/// @param source  the name of the file, for errors
SafetensorsHeader parse_safetensors_header(std::string_view text, uint64_t data_size, const std::string& source);

/// Bytes of a tensor. Throws FormatError where a dimension is negative or the product passes 2^63.
/// @param source  the file and tensor, for errors
uint64_t byte_size(DataType type, const std::vector<int64_t>& shape, const std::string& source);

/// 1 to 1024 bytes, without control characters, and not the format's own "__metadata__".
bool is_tensor_name(std::string_view name);

}  // namespace physgen
