#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "bench/training_plan.h"

namespace physgen {

/// --plan and --json of a training command.
struct PlanOptions {
  std::optional<std::string> basis;  ///< as written; nothing: the run is made
  bool json = false;
};

void add_plan_options(CLI::App& command, PlanOptions& options);

/// Prints a plan of the job in place of running it. Throws ConfigError for another basis than there are, and under
/// torchrun, where each process would print one.
void print_plan(const PlanOptions& options, const FinetuneJob& job, int64_t ranks);

}  // namespace physgen
