#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace physgen {

/// What a run learns from its clips: frames and actions, or frames alone.
enum class TrainingGoal { frames_and_actions, frames };

/// Adds a subcommand that trains a policy; `finetune` and `pretrain` differ in their goal alone.
void add_training_command(CLI::App& app, const std::string& name, const std::string& description, TrainingGoal goal);

}  // namespace physgen
