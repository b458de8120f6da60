#include "bench/stage_times.h"

#include <algorithm>

#include <physgen/core/statistics.h>

namespace physgen {

void StageTimes::add(const std::string& stage, double milliseconds) {
  auto found = std::find_if(times_.begin(), times_.end(), [&](const auto& item) { return item.first == stage; });
  if (found == times_.end()) found = times_.insert(times_.end(), {stage, {}});
  found->second.push_back(milliseconds);
}

std::vector<StageSpread> StageTimes::spreads() const {
  std::vector<StageSpread> spreads;
  for (const auto& [stage, times] : times_) spreads.push_back({stage, spread_of(times)});
  return spreads;
}

double StageTimes::median(const std::string& stage) const {
  for (const auto& [name, times] : times_) {
    if (name == stage) return spread_of(times).p50;
  }
  return 0;
}

Spread spread_of(std::vector<double> times) {
  if (times.empty()) return {};
  std::sort(times.begin(), times.end());
  return {static_cast<int64_t>(times.size()), quantile(times, 0.5), quantile(times, 0.9), quantile(times, 0.99),
          times.back()};
}

}  // namespace physgen
