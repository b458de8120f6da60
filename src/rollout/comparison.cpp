#include <map>
#include <utility>

#include "physgen/core/error.h"
#include "physgen/rollout/report.h"

namespace physgen {
namespace {

using Outcomes = std::map<std::pair<std::string, int64_t>, bool>;

Outcomes outcomes_of(const EvaluationReport& report) {
  Outcomes outcomes;
  for (const EpisodeRecord& record : report.result.records) {
    if (record.infrastructure_error.empty()) outcomes[{record.task, record.seed}] = record.success;
  }
  return outcomes;
}

}  // namespace

PairedComparison compare(const EvaluationReport& first, const EvaluationReport& second) {
  PairedComparison paired;
  const Outcomes one = outcomes_of(first), other = outcomes_of(second);
  int64_t common = 0;
  for (const auto& [episode, success] : one) {
    const auto match = other.find(episode);
    if (match == other.end()) continue;
    ++common;
    ++(success ? match->second ? paired.both : paired.first : match->second ? paired.second : paired.neither);
  }
  if (common == 0) {
    throw ConfigError({.what = "the two evaluations have no episode in common",
                       .where = second.folder.string(),
                       .got = second.config.environment,
                       .expected = "tasks and seeds of " + first.folder.string()});
  }
  paired.unpaired = static_cast<int64_t>(one.size() + other.size()) - 2 * common;
  paired.p_value = mcnemar_p_value(paired.first, paired.second);
  return paired;
}

}  // namespace physgen
