#pragma once

#include <physgen/train/training_callbacks.h>

#include "progress_line.h"

namespace physgen {

/// What is shown while a training run goes on.
class RunDisplay {
 public:
  TrainingCallbacks callbacks();

 private:
  void show(const StepMetrics& now);
  void say(const std::string& text);

  ProgressLine line_;
  double seconds_ = 0;
  double steps_ = 0;
};

/// Says where a run ended. Throws Interrupted where it was stopped by a signal.
/// @param use  what to do with the result, "act with"
void conclude(const TrainingResult& result, const std::string& out, int signal, const std::string& use);

}  // namespace physgen
