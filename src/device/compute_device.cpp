#include "device/compute_device.h"

#include <cstdlib>

#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/torch.h>

#include <physgen/core/error.h>

#include "device/device.h"

namespace physgen {
namespace {

// What holds for all that this process computes on GPUs: float32 is float32, and the same inputs give the same bits.
void set_up_cuda() {
  at::Context& context = at::globalContext();
  context.setAllowTF32CuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*replace=*/0);
  context.setSDPUseCuDNN(false);  // it makes a plan for each shape, 50 ms each, and masked patches vary
  context.setAllowFP16BF16ReductionMathSDP(true);
}

at::Device hpu() {
  if (at::globalContext().hasHPU()) return {at::kHPU, 0};
  throw ConfigError({.what = "this device is not there",
                     .where = "device hpu",
                     .got = "no library that registers one with PyTorch",
                     .next_step = "pass --device cpu"});
}

}  // namespace

at::Device compute_device(const std::string& text) {
  const DeviceChoice choice = parse_device(text);
  const at::DeviceIndex gpus = torch::cuda::device_count();
  if (choice.kind == DeviceChoice::Kind::cpu) return at::kCPU;
  if (choice.kind == DeviceChoice::Kind::automatic && gpus == 0) return at::kCPU;
  if (choice.kind == DeviceChoice::Kind::hpu) return hpu();
  if (choice.index >= gpus) {
    throw ConfigError({.what = "this GPU is not there",
                       .where = "device " + text,
                       .got = std::to_string(gpus) + " usable GPUs",
                       .expected = "a GPU of number below that count",
                       .next_step = "pass --device cpu, or use a CUDA build on a machine with an NVIDIA driver"});
  }
  set_up_cuda();
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(choice.index));
}

void wait_for(at::Device device) {
  if (device.is_cuda()) c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
}

at::ScalarType best_dtype(at::Device device) {
  const bool quick = device.is_cuda() || __builtin_cpu_supports("avx512bf16");
  return quick ? at::kBFloat16 : at::kFloat;
}

}  // namespace physgen
