#include "bench/stage_times.h"

#include <algorithm>
#include <numeric>

#include <physgen/core/statistics.h>

namespace physgen {

void StageTimes::add(const std::string& stage, double milliseconds) {
  auto found = std::find_if(stages_.begin(), stages_.end(), [&](const Stage& known) { return known.name == stage; });
  if (found == stages_.end()) found = stages_.insert(stages_.end(), Stage{.name = stage});
  found->times.push_back(milliseconds);
}

void StageTimes::set_operations(const std::string& stage, int64_t operations) {
  for (Stage& known : stages_) {
    if (known.name == stage) known.operations = operations;
  }
}

std::vector<StageSpread> StageTimes::spreads() const {
  std::vector<StageSpread> spreads;
  for (const auto& [name, times, operations] : stages_) spreads.push_back({name, spread_of(times), operations});
  return spreads;
}

double StageTimes::median(const std::string& stage) const {
  for (const Stage& known : stages_) {
    if (known.name == stage) return spread_of(known.times).p50;
  }
  return 0;
}

Spread spread_of(std::vector<double> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  const auto count = static_cast<int64_t>(times.size());
  const double sum = std::accumulate(times.begin(), times.end(), 0.0);
  return {count,
          quantile(times, 0.5),
          quantile(times, 0.9),
          quantile(times, 0.99),
          times.back(),
          sum / static_cast<double>(count)};
}

}  // namespace physgen
