#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "physgen/files/safetensors.h"

namespace physgen {

/// The entry of an archive that a tensor's numbers lie in.
struct PickledStorage {
  DataType type = DataType::f32;
  std::string_view key = {};  ///< the entry is `<root>/data/<key>`
  int64_t size = 0;           ///< numbers, as the pickle claims
};

/// A tensor as the pickle of a state dict describes it. Nothing of it has been compared with the bytes that are there.
struct PickledTensor {
  std::string_view name = {};
  PickledStorage storage = {};
  int64_t offset = 0;  ///< numbers
  std::vector<int64_t> shape = {};
  std::vector<int64_t> strides = {};  ///< numbers; as many as dimensions
};

/// Reads the pickle that torch.save writes of a state dict: a dict or OrderedDict of tensors and parameters by name,
/// with the `_metadata` of nn.Module.state_dict() or without. It runs nothing: it knows the opcodes and the names of
/// such a pickle (protocol 2, and 3 to 5 where they use no other opcode), and refuses the first one beyond. Throws
/// FormatError for that; for a value that is no tensor; for a name that is not UTF-8 of 1 to 1024 bytes without control
/// characters, or there twice; for bytes that are missing or left over; and for more than 32 MiB, 131,072 tensors, 2^20
/// remembered values, 2^22 values in tuples and dicts, 10,000 values on the stack, 16 open marks or 4 nested tuples.
/// The views lie in `bytes`.
/// Format: https://github.com/python/cpython/blob/3.12/Lib/pickletools.py
/// @param source  the name of the file, for errors
std::vector<PickledTensor> read_state_dict_pickle(std::span<const std::byte> bytes, const std::string& source);

}  // namespace physgen
