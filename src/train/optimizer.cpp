#include "train/optimizer.h"

#include <utility>

#include <torch/torch.h>

#include <physgen/core/error.h>

namespace physgen {

std::vector<OptimizedParameter> optimized_parameters(const torch::nn::Module& module, const std::string& prefix) {
  std::vector<OptimizedParameter> parameters;
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    const bool of_norm = item.key().find("norm") != std::string::npos;
    parameters.push_back({prefix + item.key(), item.value(), !of_norm});
  }
  return parameters;
}

NamedTensors tensors_of(const std::vector<OptimizedParameter>& parameters) {
  NamedTensors tensors;
  for (const auto& item : parameters) tensors.emplace_back(item.name, item.parameter);
  return tensors;
}

AdamW::AdamW(std::vector<OptimizedParameter> parameters, const OptimizerConfig& config)
    : parameters_(std::move(parameters)), config_(config) {
  for (const auto& item : parameters_) {
    averages_.push_back(at::zeros_like(item.parameter).detach());
    square_averages_.push_back(at::zeros_like(item.parameter).detach());
    steps_.push_back(at::zeros({}, item.parameter.options().dtype(at::kFloat).requires_grad(false)));
  }
}

void AdamW::step(double learning_rate) {
  const at::NoGradGuard no_gradient;
  for (const bool decay : {true, false}) {
    std::vector<at::Tensor> values, gradients, averages, squares, steps;
    for (size_t i = 0; i < parameters_.size(); ++i) {
      const auto& [name, parameter, decays] = parameters_[i];
      if (decays != decay || !parameter.grad().defined()) continue;
      values.push_back(parameter);
      gradients.push_back(parameter.grad());
      averages.push_back(averages_[i]);
      squares.push_back(square_averages_[i]);
      steps.push_back(steps_[i]);
    }
    if (values.empty()) continue;
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(values, gradients, averages, squares, {}, steps, learning_rate, config_.betas[0],
                      config_.betas[1], decay ? config_.weight_decay : 0.0, config_.epsilon, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
}

void AdamW::clear_gradients() {
  for (auto& item : parameters_) item.parameter.mutable_grad().reset();
}

NamedTensors AdamW::state() const {
  NamedTensors tensors;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    tensors.emplace_back("exp_avg." + parameters_[i].name, averages_[i]);
    tensors.emplace_back("exp_avg_sq." + parameters_[i].name, square_averages_[i]);
    tensors.emplace_back("step." + parameters_[i].name, steps_[i]);
  }
  return tensors;
}

void AdamW::load_state(const NamedTensors& tensors, const std::string& where) {
  const NamedTensors own = state();
  if (const auto wrong = tensor_differences(own, tensors); wrong.count() > 0) {
    throw FormatError({.what = "the optimizer's state does not fit the model",
                       .where = where,
                       .got = first_differences(wrong),
                       .next_step = "resume with the model and the mode that the run was started with"});
  }
  copy_tensors(own, tensors, where);
}

at::Tensor clip_gradients(const std::vector<OptimizedParameter>& parameters, double most) {
  const at::NoGradGuard no_gradient;
  std::vector<at::Tensor> gradients;
  for (const auto& item : parameters) {
    if (item.parameter.grad().defined()) gradients.push_back(item.parameter.grad());
  }
  if (gradients.empty()) return at::zeros({});
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).to(at::kFloat).norm();
  at::_foreach_mul_(gradients, (most / (norm + 1e-6)).clamp_max(1.0));
  return norm;
}

}  // namespace physgen
