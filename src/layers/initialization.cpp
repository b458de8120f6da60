#include <physgen/layers/initialization.h>

#include <cmath>

#include <torch/torch.h>

namespace physgen {
namespace {

bool ends_with_any(const std::string& name, std::initializer_list<const char*> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return name.ends_with(ending); });
}

void xavier_uniform(at::Tensor& weight, at::Generator& generator) {
  const int64_t taps = weight[0].numel() / weight.size(1);
  const double fan = static_cast<double>((weight.size(0) + weight.size(1)) * taps);
  const double bound = std::sqrt(6.0 / fan);
  weight.uniform_(-bound, bound, generator);
}

void initialize(const std::string& name, at::Tensor tensor, at::Generator& generator) {
  if (ends_with_any(name, {"bias", "lora_b", "modulation.proj.weight", "head.weight", "output.weight"})) {
    tensor.zero_();
  } else if (tensor.dim() == 1) {
    tensor.fill_(1);
  } else if (ends_with_any(name, {"_token", "_embed.weight", "begin_of_action"})) {
    tensor.normal_(0, 0.02, generator);
  } else {
    xavier_uniform(tensor, generator);
  }
}

}  // namespace

void initialize(torch::nn::Module& module, at::Generator generator) {
  torch::NoGradGuard no_grad;
  for (auto& item : module.named_parameters()) initialize(item.key(), item.value(), generator);
  for (auto& item : module.named_buffers()) initialize(item.key(), item.value(), generator);
}

}  // namespace physgen
