#include <physgen/device/machine.h>

#include <dlfcn.h>

#include <ATen/Parallel.h>
#include <ATen/cpu/Utils.h>
#include <torch/headeronly/version.h>
#include <torch/torch.h>
#ifdef PHYSGEN_HAS_CUDA
#include <cuda_runtime_api.h>
#endif

#include <cstdlib>
#include <filesystem>

namespace physgen {
namespace {

/// Multiplies matrices of ones, whose product is exact in both dtypes. Returns what went wrong, or nothing.
std::string problem_of(at::Device device) {
  constexpr int64_t kSize = 64;
  try {
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor ones = at::ones({kSize, kSize}, at::TensorOptions(device).dtype(dtype));
      if (!at::mm(ones, ones).eq(kSize).all().item<bool>()) return "a product of matrices is wrong";
    }
    return "";
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string library_of_torch() {
  Dl_info info = {};
  dladdr(reinterpret_cast<void*>(&at::get_num_threads), &info);
  return info.dli_fname ? info.dli_fname : "";
}

void inspect_cpu(MachineReport& report) {
  const auto features = at::cpu::get_cpu_capabilities();
  const auto has = [&](const char* name) { return features.contains(name) && features.at(name).toBool(); };
  report.cpu_name = features.contains("cpu_name") ? features.at("cpu_name").toStringRef() : "unknown CPU";
  report.threads = compute_threads();
  report.avx512_bf16 = has("avx512_bf16");
  report.amx_bf16 = has("amx_bf16");
}

#ifdef PHYSGEN_HAS_CUDA
GpuReport inspect_gpu(int index) {
  cudaDeviceProp properties = {};
  const cudaError_t code = cudaGetDeviceProperties(&properties, index);
  if (code != cudaSuccess) return {.name = "GPU " + std::to_string(index), .problem = cudaGetErrorString(code)};
  return {.name = properties.name,
          .compute_capability = std::to_string(properties.major) + "." + std::to_string(properties.minor),
          .memory_bytes = static_cast<int64_t>(properties.totalGlobalMem),
          .problem = problem_of(at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index)))};
}

void inspect_cuda(MachineReport& report) {
  report.cuda_built = true;
  int count = 0;
  const cudaError_t code = cudaGetDeviceCount(&count);
  if (code != cudaSuccess) report.cuda_problem = cudaGetErrorString(code);
  for (int i = 0; i < count; ++i) report.gpus.push_back(inspect_gpu(i));
}
#else
void inspect_cuda(MachineReport&) {}
#endif

}  // namespace

MachineReport inspect_machine() {
  MachineReport report;
  report.torch_version = TORCH_VERSION;
  report.torch_library = library_of_torch();
  report.torch_problem = problem_of(at::kCPU);
  report.cuda_driver = std::filesystem::exists("/proc/driver/nvidia/version");
  inspect_cpu(report);
  inspect_cuda(report);
  return report;
}

int64_t compute_threads() { return at::get_num_threads(); }

void bound_kernel_caches() {
  constexpr const char* kKernels = "256";  // those of a step are fewer
  for (const char* name : {"ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"}) {
    setenv(name, kKernels, /*overwrite=*/0);  // NOLINT(concurrency-mt-unsafe): before threads are begun
  }
}

void set_compute_threads(int64_t threads) {
  at::get_num_threads();  // else a new thread's first parallel work would set back what is set here
  at::set_num_threads(static_cast<int>(threads));
}

}  // namespace physgen
