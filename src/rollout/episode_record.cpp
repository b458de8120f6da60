#include "physgen/rollout/episode_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace physgen {

EvaluationSummary summarize(const std::vector<EpisodeRecord>& records, int64_t episodes) {
  EvaluationSummary summary;
  summary.episodes = episodes;
  std::vector<double> steps;
  std::vector<double> times;
  double seconds = 0, simulated = 0;
  for (const EpisodeRecord& record : records) {
    summary.retries += record.retries;
    if (!record.infrastructure_error.empty()) {
      ++summary.infrastructure_errors;
      continue;
    }
    ++summary.finished;
    times.push_back(record.policy_ms_p50);
    seconds += record.seconds;
    simulated += record.seconds - record.policy_seconds;
    if (record.success) steps.push_back(static_cast<double>(record.control_steps));
  }
  summary.successes = static_cast<int64_t>(steps.size());
  if (summary.finished > 0) {
    summary.success_rate = static_cast<double>(summary.successes) / static_cast<double>(summary.finished);
  }
  summary.interval = wilson_interval(summary.successes, summary.finished);
  summary.median_control_steps = median(steps);
  summary.ms_per_round = median(times);
  if (simulated > 0) summary.slowdown = seconds / simulated;
  return summary;
}

std::vector<TaskSummary> summarize_tasks(const std::vector<EpisodeRecord>& records,
                                         const std::vector<std::string>& tasks, const std::vector<int64_t>& episodes) {
  std::vector<TaskSummary> summaries;
  for (size_t number = 0; number < tasks.size(); ++number) {
    const std::string& task = tasks[number];
    std::vector<EpisodeRecord> its;
    std::copy_if(records.begin(), records.end(), std::back_inserter(its),
                 [&](const EpisodeRecord& record) { return record.task == task; });
    summaries.push_back({task, summarize(its, episodes.at(number))});
  }
  return summaries;
}

std::string success_text(const EvaluationSummary& summary) {
  return fmt::format("success {} of {} ({:.1f} %, 95 % interval {:.1f} to {:.1f} %)", summary.successes,
                     summary.finished, 100 * summary.success_rate, 100 * summary.interval.low,
                     100 * summary.interval.high);
}

}  // namespace physgen
