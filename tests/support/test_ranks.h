#pragma once

#include <chrono>
#include <memory>

#include "distributed/ranks.h"
#include "support/test_device.h"

namespace physgen {

/// The processes that run this test program together (tests/distributed/together), which meet anew; null where it runs
/// alone. Tests that need them skip then.
inline std::unique_ptr<Ranks> test_ranks(std::chrono::milliseconds timeout = std::chrono::seconds(60)) {
  const RankPlace place = rank_place();
  return place.master_host.empty() ? nullptr : std::make_unique<Ranks>(place, test_device(), timeout);
}

}  // namespace physgen
