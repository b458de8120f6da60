#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace physgen {

/// What a run is for: to learn frames and actions, or frames alone; or to encode the frames for such runs, and stop.
enum class TrainingGoal { frames_and_actions, frames, encoded_frames };

/// Adds a subcommand that trains a policy; `finetune`, `pretrain` and `data encode` differ in their goal alone.
void add_training_command(CLI::App& app, const std::string& name, const std::string& description, TrainingGoal goal);

}  // namespace physgen
