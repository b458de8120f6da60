#pragma once

#include <utility>
#include <vector>

#include "distributed/ranks.h"
#include "train/work_share.h"

namespace physgen {

/// All of the work where this process is alone (null).
inline WorkShare share_of(const Ranks* ranks) { return ranks ? WorkShare{ranks->rank(), ranks->size()} : WorkShare{}; }

/// The sums over all ranks; the numbers themselves where this process is alone (null).
inline std::vector<double> sum_over(Ranks* ranks, std::vector<double> numbers) {
  return ranks ? ranks->sum(std::move(numbers)) : numbers;
}

}  // namespace physgen
