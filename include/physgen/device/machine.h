#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace physgen {

/// One GPU as the CUDA runtime sees it.
struct GpuReport {
  std::string name = {};
  std::string compute_capability = {};  ///< "9.0"
  int64_t memory_bytes = 0;
  std::string problem;  ///< why it does not compute; empty where it does
};

/// What this machine offers to LibTorch.
struct MachineReport {
  std::string torch_version;
  std::string torch_library;  ///< path of libtorch_cpu.so
  std::string torch_problem;  ///< why a small computation failed; empty where it gave the right answer
  std::string cpu_name;
  int64_t threads = 0;  ///< that LibTorch computes with
  bool avx512_bf16 = false;
  bool amx_bf16 = false;
  bool cuda_built = false;   ///< this library was built for CUDA
  bool cuda_driver = false;  ///< an NVIDIA driver is loaded
  std::string cuda_problem;  ///< why no GPU is usable; empty where one is, and without CUDA
  std::vector<GpuReport> gpus;
};

/// Looks at the machine and computes a little on every device. Does not throw for what does not work.
MachineReport inspect_machine();

/// How many threads of the CPU one computation uses.
int64_t compute_threads();

/// Bounds how many of the kernels that oneDNN compiles on the way are kept, in this process and those that it begins;
/// what the environment says (ONEDNN_PRIMITIVE_CACHE_CAPACITY, LRU_CACHE_CAPACITY) counts more. Steps of a training
/// differ in how many patches they are shown, so that in bfloat16 each compiles some anew, which would take up to a
/// gigabyte. For the beginning of a program: before it computes, and before it has threads.
void bound_kernel_caches();

/// Sets how many threads of the CPU a computation uses from now on, at least 1, in this thread and in those that start
/// later.
void set_compute_threads(int64_t threads);

}  // namespace physgen
