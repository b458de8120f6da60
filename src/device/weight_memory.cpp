#include "device/weight_memory.h"

#include <array>
#include <cstdio>

#include <torch/torch.h>

#include <physgen/core/error.h>

namespace physgen {
namespace {

std::string mebibytes(int64_t bytes) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f MiB", static_cast<double>(bytes) / (1 << 20));
  return text.data();
}

}  // namespace

int64_t weight_bytes(const torch::nn::Module& module, at::ScalarType dtype) {
  int64_t numbers = 0;
  for (const at::Tensor& tensor : module.parameters()) numbers += tensor.numel();
  for (const at::Tensor& tensor : module.buffers()) numbers += tensor.numel();
  return numbers * static_cast<int64_t>(c10::elementSize(dtype));
}

std::string smaller_than(at::ScalarType dtype) {
  if (dtype == at::kBFloat16) return "pass --device cpu, or use a smaller model";
  return "pass --precision bfloat16, which takes half of it, or --device cpu";
}

void refuse_memory(at::Device device, int64_t needed, int64_t free, const std::string& smaller) {
  throw Error({.what = "the weights do not fit into the device's memory",
               .where = "device " + device.str(),
               .got = mebibytes(free) + " free",
               .expected = mebibytes(needed) + " for the weights, and some more to compute",
               .next_step = smaller});
}

}  // namespace physgen
