#pragma once

#include <cstdint>
#include <functional>

namespace physgen {

/// How many threads this process may keep busy, at least 1.
int64_t core_count();

/// Calls a function with each of 0, …, count - 1, on all cores; numbers are begun in ascending order. Throws what the
/// function threw first; then no further number is begun.
void parallel_for(int64_t count, const std::function<void(int64_t)>& body);

}  // namespace physgen
