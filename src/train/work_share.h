#pragma once

#include <cstdint>

namespace physgen {

/// The part of some work that one of several ranks does.
struct WorkShare {
  int64_t rank = 0;
  int64_t ranks = 1;
};

}  // namespace physgen
