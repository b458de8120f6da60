#pragma once

#include <optional>
#include <string>
#include <utility>

#include <physgen/train/training_callbacks.h>

#include "core/stopwatch.h"
#include "progress_line.h"

namespace physgen {

/// What is shown while a training run goes on: on the terminal, and in report.html of its folder.
class RunDisplay {
 public:
  /// @param out  the run's folder, or empty where nothing is trained
  explicit RunDisplay(std::string out) : out_(std::move(out)) {}

  TrainingCallbacks callbacks();

 private:
  void show(const StepMetrics& now);
  void say(const std::string& text);
  void write_page();

  std::string out_;
  ProgressLine line_;
  double seconds_ = 0;
  double steps_ = 0;
  std::optional<Stopwatch> page_written_;
};

/// Writes report.html into the folder of a training run.
void write_training_page(const std::string& out);

/// Says where a run ended, and writes its page. Throws Interrupted where it was stopped by a signal.
/// @param use  what to do with the result, "act with"
void conclude(const TrainingResult& result, const std::string& out, int signal, const std::string& use);

}  // namespace physgen
