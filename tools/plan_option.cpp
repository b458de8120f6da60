#include "plan_option.h"

#include <fmt/core.h>

#include <cstdlib>

#include <physgen/core/error.h>

#include "plan_text.h"

namespace physgen {
namespace {

void refuse_ranks() {
  if (!std::getenv("RANK")) return;  // NOLINT(concurrency-mt-unsafe): nothing writes the environment
  throw ConfigError({.what = "a plan is made by one process",
                     .where = "--plan",
                     .got = "RANK in the environment",
                     .next_step = "leave out torchrun, and name the number of processes by --nproc"});
}

}  // namespace

void add_plan_options(CLI::App& command, PlanOptions& options) {
  CLI::Option* plan = command.add_option_function<std::string>(
      "--plan", [&options](const std::string& basis) { options.basis = basis; },
      "Print what the run will cost and stop: from sizes (estimate), or from two steps on random windows (measure)");
  plan->expected(0, 1)->default_str("estimate");
  command.add_flag("--json", options.json, "Print the plan as JSON")->needs(plan);
}

void print_plan(const PlanOptions& options, const FinetuneJob& job, int64_t ranks) {
  const auto basis = choice_of<PlanBasis>(options.basis.value_or("estimate"), "a plan has no such basis", "--plan");
  refuse_ranks();
  const TrainingPlan plan = plan_training(job, basis, ranks);
  fmt::print("{}", options.json ? to_json(plan) + "\n" : to_text(plan));
}

}  // namespace physgen
