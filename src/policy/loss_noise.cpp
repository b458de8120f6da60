#include <physgen/policy/loss_noise.h>

#include <torch/torch.h>

#include <physgen/diffusion/noise_schedule.h>

#include "core/random.h"

namespace physgen {
namespace {

at::Generator generator_of(const NoiseKey& key, int64_t window) {
  return at::detail::createCPUGenerator(mixed_seed(key.seed, Stream::noise, static_cast<uint64_t>(key.first + window)));
}

at::Tensor draw_timesteps(at::IntArrayRef shape, at::Generator generator) {
  return at::randint(NoiseSchedule::kTimesteps, shape, std::move(generator), at::kLong);
}

// Places in the table of sigmas, the middle ones most often (arXiv 2403.03206, logit-normal).
at::Tensor flow_indices(const at::Tensor& normal) {
  return (normal.sigmoid() * NoiseSchedule::kTimesteps).to(at::kLong).clamp_max(NoiseSchedule::kTimesteps - 1);
}

double draw_share(const NoiseKey& key) {
  at::Generator generator =
      at::detail::createCPUGenerator(mixed_seed(key.seed, Stream::masks, static_cast<uint64_t>(key.step)));
  return at::rand({1}, generator, at::kDouble).item<double>();
}

// The noise of a batch, window by window.
class NoiseDraw {
 public:
  NoiseDraw(const ModelConfig& model, const LossConfig& config, int64_t count)
      : model_(model),
        config_(config),
        packs_(model.packs),
        patches_(model.backbone.image_tokens()),
        values_(model.backbone.image_patch_values()),
        tokens_(model.head.chunks * model.codec.chunk) {
    const int64_t frames = count * packs_, repeats = config.timesteps;
    noise_.text_kept = at::empty({count}, at::kBool);
    if (config.observation) {
      order_ = at::empty({frames, patches_});
      noise_.frame_noise = at::empty({repeats, frames, patches_, values_});
      noise_.frame_timesteps = at::empty({repeats, frames, patches_}, at::kLong);
    }
    if (config.action) {
      noise_.action_noise = at::empty({frames, repeats, tokens_, model.codec.action_width});
      noise_.action_timesteps = at::empty({frames, repeats}, at::kLong);
    }
  }

  void add(int64_t window, at::Generator generator) {
    noise_.text_kept[window].fill_(at::rand({1}, generator).item<float>() >= config_.text_dropout);
    if (config_.observation) add_frames(window * packs_, generator);
    if (config_.action) add_actions(window * packs_, generator);
  }

  LossNoise finish(double share) {
    if (config_.observation) noise_.frame_mask = draw_frame_mask(share, order_);
    return noise_;
  }

 private:
  void add_frames(int64_t first, const at::Generator& generator) {
    const int64_t repeats = config_.timesteps;
    order_.narrow(0, first, packs_).copy_(at::rand({packs_, patches_}, generator));
    noise_.frame_noise.narrow(1, first, packs_).copy_(at::randn({repeats, packs_, patches_, values_}, generator));
    noise_.frame_timesteps.narrow(1, first, packs_)
        .copy_(model_.backbone.objective == Objective::epsilon
                   ? draw_timesteps({repeats, packs_, patches_}, generator)
                   : flow_indices(at::randn({repeats, packs_, patches_}, generator)));
  }

  void add_actions(int64_t first, const at::Generator& generator) {
    const int64_t repeats = config_.timesteps, width = model_.codec.action_width;
    noise_.action_noise.narrow(0, first, packs_).copy_(at::randn({packs_, repeats, tokens_, width}, generator));
    noise_.action_timesteps.narrow(0, first, packs_).copy_(draw_timesteps({packs_, repeats}, generator));
  }

  const ModelConfig& model_;
  const LossConfig& config_;
  int64_t packs_, patches_, values_, tokens_;
  at::Tensor order_;  // [B P, N] uniform numbers
  LossNoise noise_;
};

}  // namespace

LossNoise draw_loss_noise(const ModelConfig& model, const LossConfig& config, const NoiseKey& key) {
  NoiseDraw draw(model, config, key.count);
  for (int64_t window = 0; window < key.count; ++window) draw.add(window, generator_of(key, window));
  return draw.finish(draw_share(key));
}

std::vector<at::Generator> sampling_generators(const NoiseKey& key) {
  std::vector<at::Generator> generators;
  for (int64_t window = 0; window < key.count; ++window) {
    const uint64_t seed = mixed_seed(key.seed, Stream::sampling, static_cast<uint64_t>(key.first + window));
    generators.push_back(at::detail::createCPUGenerator(seed));
  }
  return generators;
}

at::Tensor draw_sampling_noise(const ModelConfig& model, std::vector<at::Generator> generators) {
  const std::vector<int64_t> shape = {model.packs, model.head.chunks * model.codec.chunk, model.codec.action_width};
  std::vector<at::Tensor> windows;
  for (at::Generator& generator : generators) windows.push_back(at::randn(shape, generator));
  return at::cat(windows);
}

LossNoise moved(LossNoise noise, at::Device device) {
  for (at::Tensor* tensor :
       {&noise.text_kept, &noise.frame_mask.known_ids, &noise.frame_mask.unknown, &noise.frame_noise,
        &noise.frame_timesteps, &noise.action_noise, &noise.action_timesteps, &noise.decoded}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return noise;
}

}  // namespace physgen
