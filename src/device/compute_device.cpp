#include <physgen/device/compute_device.h>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/device/device.h>

namespace physgen {

at::Device compute_device(const std::string& text) {
  const DeviceChoice choice = parse_device(text);
  const at::DeviceIndex gpus = torch::cuda::device_count();
  if (choice.kind == DeviceChoice::Kind::cpu) return at::kCPU;
  if (choice.kind == DeviceChoice::Kind::automatic && gpus == 0) return at::kCPU;
  if (choice.index >= gpus) {
    throw ConfigError({.what = "this GPU is not there",
                       .where = "device " + text,
                       .got = std::to_string(gpus) + " usable GPUs",
                       .expected = "a GPU of number below that count",
                       .next_step = "pass --device cpu, or use a CUDA build on a machine with an NVIDIA driver"});
  }
  at::globalContext().setAllowTF32CuDNN(false);
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(choice.index));
}

void wait_for(at::Device device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

at::ScalarType best_dtype(at::Device device) {
  const bool quick = device.is_cuda() || __builtin_cpu_supports("avx512bf16");
  return quick ? at::kBFloat16 : at::kFloat;
}

}  // namespace physgen
