#pragma once

#include <string>
#include <utility>
#include <vector>

#include <physgen/bench/benchmark.h>

namespace physgen {

/// The times of each stage, in the order in which the stages were first seen.
class StageTimes {
 public:
  void add(const std::string& stage, double milliseconds);
  std::vector<StageSpread> spreads() const;
  double median(const std::string& stage) const;

 private:
  std::vector<std::pair<std::string, std::vector<double>>> times_;
};

}  // namespace physgen
