#include <physgen/policy/action_sampler.h>

#include <torch/torch.h>

#include "diffusion/forward_noise.h"
#include "policy/packed_action_head.h"

namespace physgen {

ActionSampler::ActionSampler(const PhysGenModel& model, Sampler sampler, int64_t denoising_steps,
                             std::shared_ptr<const PackedActionHead> packed)
    : head_(model->action_head), packed_(std::move(packed)), config_(model->config().head), sampler_(sampler) {
  torch::NoGradGuard no_grad;
  const bool discrete = config_.objective == Objective::discrete;
  timesteps_ = discrete ? std::vector<double>{0} : sampling_timesteps(config_.objective, denoising_steps);
  const at::Device device = head_->input->weight.device();
  for (const double timestep : timesteps_) {
    at::Tensor one = at::full({1}, timestep, at::TensorOptions(at::kLong).device(device));
    modulations_.push_back(head_->embed_timesteps(one));
  }
}

namespace {

// Noise shaped as `like`. With a generator a sample, each draws what it would draw for its own alone.
at::Tensor drawn(const at::Tensor& like, std::vector<at::Generator>& generators) {
  if (generators.empty()) generators.emplace_back();  // the program's own
  const auto count = static_cast<int64_t>(generators.size());
  TORCH_CHECK_VALUE(like.size(0) % count == 0, "[ActionSampler] ", like.size(0), " samples of ", count, " generators");
  std::vector<int64_t> shape = like.sizes().vec();
  shape.front() /= count;
  std::vector<at::Tensor> parts;
  for (at::Generator& generator : generators) parts.push_back(at::randn(shape, generator));
  return at::cat(parts).to(like.options());
}

}  // namespace

ActionSampler::Predict ActionSampler::predict_under(const at::Tensor& condition) const {
  if (packed_) {
    return [this, keys = packed_->embed_condition(condition)](const at::Tensor& x, int64_t index) {
      return packed_->forward(x, modulations_[index], keys);
    };
  }
  ActionHead head = head_;  // a handle: the module itself is not changed
  return [this, head, keys = head->embed_condition(condition)](const at::Tensor& x, int64_t index) mutable {
    return head->forward(x, modulations_[index], keys).to(at::kFloat);
  };
}

at::Tensor ActionSampler::sample(const at::Tensor& condition, const at::Tensor& noise, const at::Tensor& start,
                                 std::vector<at::Generator> generators) const {
  torch::NoGradGuard no_grad;
  const Predict predict = predict_under(condition);
  if (config_.objective == Objective::discrete) {
    return values_of(predict(at::zeros_like(noise), 0).argmax(-1), config_.bins);
  }
  const int64_t skipped = start.defined() ? static_cast<int64_t>(timesteps_.size()) / 2 : 0;
  const std::vector<double> timesteps(timesteps_.begin() + skipped, timesteps_.end());
  at::Tensor x = noise;
  if (start.defined()) {
    const at::Tensor level = at::full({1}, timesteps.front(), at::TensorOptions(at::kLong).device(noise.device()));
    x = add_noise(config_.objective, start, noise, level.expand({start.size(0)})).x;
  }
  auto denoiser = [&](const at::Tensor& noisy, int64_t index) { return predict(noisy, skipped + index); };
  const auto ddpm_noise = [&] { return drawn(noise, generators); };
  return physgen::sample(schedule_, config_.objective, sampler_, timesteps, x, denoiser, ddpm_noise);
}

}  // namespace physgen
