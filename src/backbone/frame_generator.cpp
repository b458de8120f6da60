#include <physgen/backbone/frame_generator.h>

#include <cmath>
#include <limits>
#include <numbers>

#include <torch/torch.h>

#include <physgen/layers/patch_embed.h>

namespace physgen {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();  // latents have no least and greatest value

// Each frame's ids as an index of rows of `width` values, [F, n, width].
at::Tensor rows_index(const at::Tensor& ids, int64_t width) { return ids.unsqueeze(-1).expand({-1, -1, width}); }

at::Tensor repeated(const at::Tensor& x, int64_t times) {
  std::vector<int64_t> repeats(x.dim(), 1);
  repeats[0] = times;
  return times == 1 ? x : x.repeat(repeats);
}

// The norm of each frame, [F, 1, 1].
at::Tensor frame_norm(const at::Tensor& x) { return x.square().sum({1, 2}, /*keepdim=*/true).sqrt(); }

}  // namespace

std::vector<int64_t> decoding_counts(int64_t patches, int64_t steps) {
  TORCH_CHECK_VALUE(steps >= 1, "[decoding_counts] ", steps, " steps, expected at least 1");
  std::vector<int64_t> counts;
  int64_t left = patches;
  for (int64_t i = 1; i <= steps; ++i) {
    const double share = std::cos(std::numbers::pi / 2 * static_cast<double>(i) / static_cast<double>(steps));
    const auto next = static_cast<int64_t>(std::nearbyint(static_cast<double>(patches) * share));
    if (left > next) counts.push_back(left - next);
    left = next;
  }
  return counts;
}

std::vector<double> denoising_timesteps(const NovaConfig& config, int64_t steps) {
  if (config.objective == Objective::flow_matching) return shifted_flow_timesteps(steps, config.flow_shift);
  return sampling_timesteps(Objective::epsilon, steps, config.steps_offset);
}

FrameGenerator::FrameGenerator(Nova nova, const FrameSampling& sampling, at::Generator generator)
    : nova_(std::move(nova)),
      sampling_(sampling),
      generator_(std::move(generator)),
      timesteps_(denoising_timesteps(nova_->config(), sampling.denoising_steps)) {}

at::Tensor FrameGenerator::draw(const at::Tensor& condition, const std::function<void()>& on_step) {
  const torch::NoGradGuard no_grad;
  const NovaConfig& config = nova_->config();
  const int64_t copies = sampling_.guidance > 1 ? 2 : 1, frames = condition.size(0) / copies;
  const int64_t tokens = config.image_tokens(), values = config.image_patch_values();
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(condition.device());
  if (!order_.defined()) {
    order_ = at::rand({frames, tokens}, generator_).argsort(int64_t{1}).to(condition.device());
  }
  at::Tensor patches = at::zeros({frames, tokens, values}, options);
  at::Tensor unknown = at::ones({frames, tokens}, options.dtype(at::kBool));
  int64_t done = 0;
  for (const int64_t count : decoding_counts(tokens, sampling_.decoding_steps)) {
    const FrameMask mask{repeated(order_.narrow(1, 0, done), copies), repeated(unknown, copies)};
    const at::Tensor z = nova_->complete_frames(repeated(patches, copies), mask, condition);  // [copies F, N, C]
    const at::Tensor ids = order_.narrow(1, done, count), index = rows_index(ids, values);
    patches.scatter_(1, index, denoise(z, ids).gather(1, index));
    unknown.scatter_(1, ids, false);
    done += count;
    if (on_step) on_step();
  }
  return unpatchify(patches, config.image_patch, config.latent_height, config.latent_width);
}

// The reference denoises whole frames, of which only the patches of `ids` are predicted: the others' noise is drawn,
// too, and counts in the norms of the guidance.
at::Tensor FrameGenerator::denoise(const at::Tensor& z, const at::Tensor& ids) {
  const NovaConfig& config = nova_->config();
  const int64_t frames = ids.size(0), count = ids.size(1), copies = z.size(0) / frames;
  DiffusionMlp& decoder = nova_->image_decoder;
  const at::Tensor rows = z.gather(1, rows_index(repeated(ids, copies), z.size(2)));  // [copies F, n, C]
  const at::Tensor condition = decoder->embed_condition(rows.flatten(0, 1));
  const at::Tensor index = rows_index(ids, config.image_patch_values());
  const at::ScalarType type = config.objective == Objective::flow_matching ? at::kFloat : at::kLong;
  const auto denoiser = [&](const at::Tensor& x, int64_t i) {
    const int64_t used = timesteps_[i] < sampling_.guidance_until ? 1 : copies;
    const at::Tensor timestep = at::full({1}, timesteps_[i], at::TensorOptions(type).device(x.device()));
    const at::Tensor noisy = repeated(x.gather(1, index), used).flatten(0, 1);
    const at::Tensor predicted = decoder->forward(noisy, timestep, condition.narrow(0, 0, used * frames * count));
    return guided(predicted.to(at::kFloat).view({used, frames, count, -1}), x, index);
  };
  const auto noise = [&] { return draw_noise(frames, z.device()); };
  return sample(schedule_, config.objective, sampling_.sampler, timesteps_, noise(), denoiser, noise, kUnbounded);
}

at::Tensor FrameGenerator::guided(const at::Tensor& predicted, const at::Tensor& x, const at::Tensor& index) const {
  const at::Tensor towards = x.scatter(1, index, predicted[0]);
  if (predicted.size(0) == 1) return towards;
  const at::Tensor away = x.scatter(1, index, predicted[1]);
  const at::Tensor result = away + (towards - away) * sampling_.guidance;
  if (sampling_.guidance_renorm >= 1) return result;
  return result * (frame_norm(towards) / frame_norm(result)).clamp(sampling_.guidance_renorm, 1);
}

at::Tensor FrameGenerator::draw_noise(int64_t frames, at::Device device) {
  const NovaConfig& config = nova_->config();
  const at::Tensor noise =
      at::randn({frames, config.latent_channels, config.latent_height, config.latent_width}, generator_);
  return patchify(noise, config.image_patch).contiguous().to(device);
}

}  // namespace physgen
