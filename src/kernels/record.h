#pragma once

#include <ATen/record_function.h>

namespace physgen {

/// The inputs of a kernel for RECORD_FUNCTION: profilers are told none.
using Inputs = c10::ArrayRef<const c10::IValue>;

}  // namespace physgen
