#include "train/ema.h"

#include <algorithm>
#include <utility>

#include <torch/torch.h>

namespace physgen {
namespace {

std::vector<at::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<at::Tensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back(tensor);
  return tensors;
}

}  // namespace

Ema::Ema(NamedTensors parameters, double decay) : parameters_(std::move(parameters)), decay_(decay) {
  for (const auto& [name, parameter] : parameters_) averages_.emplace_back(name, parameter.detach().clone());
}

void Ema::update(int64_t step) {
  const at::NoGradGuard no_gradient;
  const double n = static_cast<double>(step);
  const double decay = std::min(decay_, (1 + n) / (10 + n));
  at::_foreach_lerp_(tensors_of(averages_), tensors_of(parameters_), 1 - decay);
}

void Ema::swap() {
  const at::NoGradGuard no_gradient;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    at::Tensor& parameter = parameters_[i].second;
    const at::Tensor kept = parameter.detach().clone();
    parameter.copy_(averages_[i].second);
    averages_[i].second.copy_(kept);
  }
}

}  // namespace physgen
