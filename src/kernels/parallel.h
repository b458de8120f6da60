#pragma once

#include <ATen/Parallel.h>

#if !defined(_OPENMP) && !defined(__clang_analyzer__)
#error "at::parallel_for is a loop of one thread without OpenMP: see physgen_use_openmp"
#endif
