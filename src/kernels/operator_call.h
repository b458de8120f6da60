#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <utility>

namespace physgen {

/// Calls an operator of LibTorch that has no C++ function, by its name; `values` are all of its arguments, in the types
/// of its schema. @return its one result, a tensor
template <class... Values>
at::Tensor call_operator(const char* name, const char* overload, Values&&... values) {
  torch::jit::Stack stack;
  (stack.emplace_back(std::forward<Values>(values)), ...);
  c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).callBoxed(&stack);
  return stack.front().toTensor();
}

}  // namespace physgen
