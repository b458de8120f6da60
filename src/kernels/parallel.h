#pragma once

#include <ATen/Parallel.h>

#ifndef _OPENMP
#error "at::parallel_for is a loop of one thread without OpenMP: see physgen_use_openmp"
#endif
