#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/benchmark.h"

namespace physgen {

/// The times of each stage, in the order in which the stages were first seen.
class StageTimes {
 public:
  void add(const std::string& stage, double milliseconds);
  /// How many operations a stage is, where it has times.
  void set_operations(const std::string& stage, int64_t operations);
  std::vector<StageSpread> spreads() const;
  double median(const std::string& stage) const;

 private:
  struct Stage {
    std::string name;
    std::vector<double> times = {};
    std::optional<int64_t> operations = {};
  };
  std::vector<Stage> stages_;
};

}  // namespace physgen
