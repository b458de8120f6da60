#include "commands.h"
#include "training_command.h"

namespace physgen {

void add_pretrain_command(CLI::App& app) {
  add_training_command(app, "pretrain", "Train a policy to predict frames alone; finetune --init goes on from there",
                       TrainingGoal::frames);
}

}  // namespace physgen
