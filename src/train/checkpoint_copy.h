#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "train/trainable.h"
#include "train/training_state.h"

namespace physgen {

/// A training as it was after a step, copied, so that it may go on while this is written on another thread.
struct CheckpointCopy {
  std::string kind = {};  ///< in the manifest
  WriteWeights weights = {};
  std::optional<TrainingState> state = {};  ///< that the training goes on from; nothing where it need not

  /// Makes a checkpoint, whole and durable or not at all. Throws Error.
  /// @param to_continue  with the state, which it must have
  void write(const std::filesystem::path& path, bool to_continue) const;
};

/// The training's state in a checkpoint.
inline constexpr const char* kTrainingStateName = "training.safetensors";

}  // namespace physgen
