#include "commands.h"
#include "training_command.h"

namespace physgen {

void add_finetune_command(CLI::App& app) {
  add_training_command(app, "finetune", "Train a policy on demonstrations: from a checkpoint, or from nothing",
                       TrainingGoal::frames_and_actions);
}

}  // namespace physgen
