#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "files/pickle_reader.h"
#include "files/pickle_value.h"

namespace physgen {

/// Where the state dict of a checkpoint lies.
struct StateDictPlace {
  size_t dict = 0;        ///< its place in the list of dicts
  std::string note = {};  ///< as TorchArchive::note
};

/// Finds the one state dict, a dict of tensors by name, in the dict of a trainer's checkpoint: the whole dict, or one
/// at most three keys below. Those under keys of optimizers, schedules, random states and the like are none. Of the
/// others it takes those of which every key is one that trainers give the weights ("model", "state_dict", "module"), or
/// else any; an EMA copy only where there is nothing else. Throws FormatError where this leaves none, or several that
/// are not the same tensors, and for more than 64 state dicts or 65,536 dicts on the way.
/// @param root    the place of the checkpoint's dict
/// @param source  the name of the file, for errors
StateDictPlace find_state_dict(size_t root, std::span<const PickleDict> dicts, std::span<const PickledTensor> tensors,
                               const std::string& source);

/// Whether a key or a part of a name says that what lies under it is averaged over training: "model_ema", "shadow".
bool is_average_name(std::string_view name);

}  // namespace physgen
