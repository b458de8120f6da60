#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace physgen {

/// The device that "auto", "cpu", "cuda" or "cuda:1" names; auto is the first GPU where there is one. "hpu" is that of
/// a library that registers one with PyTorch, such as the tests' stand-in. After naming a GPU, for the whole process:
/// float32 is not rounded to TF32, and operators are deterministic. Throws ConfigError for another text and for a GPU
/// that is not there.
at::Device compute_device(const std::string& text);

/// Returns when what this thread has begun on the GPU, on its current stream, is done; at once on the CPU. Streams of
/// others are not waited for: one of them may be recorded, which waiting for the whole GPU would end.
void wait_for(at::Device device);

/// The quicker dtype: bfloat16 on CUDA and on CPUs that multiply in it, else float32.
at::ScalarType best_dtype(at::Device device);

}  // namespace physgen
