#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/parallel.h"

namespace physgen {

constexpr int64_t kTaskRows = 128;  // so many share one sum of weights' gradients, whatever the number of threads

inline int64_t count_tasks(int64_t rows) { return (rows + kTaskRows - 1) / kTaskRows; }

/// Calls `work` with each task and how many rows it has, on all threads.
template <class Work>
void for_each_task(int64_t rows, const Work& work) {
  at::parallel_for(0, count_tasks(rows), 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) work(task, std::min(kTaskRows, rows - task * kTaskRows));
  });
}

}  // namespace physgen
