#pragma once

#include <cstdint>
#include <filesystem>

#include <physgen/core/matrix.h>
#include <physgen/rollout/evaluation.h>

namespace physgen {

/// Keeps the actions that were executed in an episode, as actions/episode_0012.safetensors in an evaluation's folder.
/// Throws Error where it cannot be written.
void write_recorded_actions(const std::filesystem::path& evaluation, int64_t episode, const Matrix& actions);

/// [T, A]. Throws ConfigError where they were not kept, FormatError for a damaged file.
Matrix read_recorded_actions(const std::filesystem::path& evaluation, int64_t episode);

/// What acts as it was acted in an earlier evaluation: the simulator is all that takes time. Where an episode goes on
/// longer than before, its last action is repeated.
/// @param evaluation  the folder of that evaluation, whose config is `config`
RolloutPolicy recorded_policy(const std::filesystem::path& evaluation, const RolloutConfig& config);

}  // namespace physgen
