#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "files/safetensors.h"

namespace physgen {

struct ArchivedTensors {
  std::vector<TensorEntry> tensors = {};
  std::string note = {};  ///< as TorchArchive::note
};

/// The tensors of a PyTorch archive, whose data lie in its bytes: what TorchArchive::open checks. Throws FormatError.
/// @param source  the name of the file, for errors
ArchivedTensors read_archived_tensors(std::span<const std::byte> bytes, const std::string& source);

}  // namespace physgen
