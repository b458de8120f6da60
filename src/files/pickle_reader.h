#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files/safetensors.h"

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

struct PickledStateDict {
  std::vector<PickledTensor> tensors = {};
  std::string note = {};  ///< as TorchArchive::note
};

/// Reads the pickle that torch.save writes of a state dict, a dict or OrderedDict of tensors and parameters by name
/// with the `_metadata` of nn.Module.state_dict() or without; or of a checkpoint's dict around one, in which
/// `find_state_dict` looks for it. It runs nothing: it knows the opcodes of protocol 2 (and takes 3 to 5 where they use
/// no other) and the names of tensors and of what trainers save beside them, and refuses the first one beyond. What
/// lies beside the state dict is read and dropped. Throws FormatError for that; for a name that is not UTF-8 of 1 to
/// 1024 bytes without control characters, or there twice; for bytes that are missing or left over; and for more than 32
/// MiB, 131,072 tensors, 2^19 dicts, 2^20 bytes of a text, 2^20 remembered values, 2^22 values in tuples and dicts,
/// 2^16 values on the stack, 256 open marks or 16 nested tuples. The views lie in `bytes`. Format:
/// https://github.com/python/cpython/blob/3.12/Lib/pickletools.py
/// @param source  the name of the file, for errors
PickledStateDict read_state_dict_pickle(std::span<const std::byte> bytes, const std::string& source);

}  // namespace physgen
