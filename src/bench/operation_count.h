#pragma once

#include <cstdint>
#include <memory>

namespace physgen {

/// Counts while it lives what this thread asks LibTorch to compute, backward passes that it begins included, on any
/// device: calls of operators, an operator that calls others as one, and hand-written kernels. Views and memory that is
/// only allocated are not counted. To a CUDA graph's launch nothing is asked.
class OperationCount {
 public:
  OperationCount();
  ~OperationCount();
  OperationCount(const OperationCount&) = delete;
  OperationCount& operator=(const OperationCount&) = delete;

  /// How many since the last call, or the beginning.
  int64_t take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace physgen
