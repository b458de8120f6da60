#include <physgen/backbone/frame_generator.h>

#include <cmath>
#include <limits>
#include <numbers>

#include <torch/torch.h>

#include <physgen/diffusion/sampler.h>
#include <physgen/layers/patch_embed.h>

namespace physgen {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();  // latents have no least and greatest value

// Patches drawn from their tokens: z [n, C] -> [n, values].
at::Tensor draw_patches(DiffusionMlp& decoder, const at::Tensor& z, int64_t values, const FrameSampling& sampling,
                        at::Generator& generator) {
  at::Tensor condition = decoder->embed_condition(z);
  const std::vector<int64_t> timesteps = sampling_timesteps(Objective::epsilon, sampling.denoising_steps);
  auto denoiser = [&](const at::Tensor& x, int64_t index) {
    at::Tensor t = at::full({x.size(0)}, timesteps[index], at::TensorOptions(at::kLong).device(x.device()));
    return decoder->forward(x, t, condition).to(at::kFloat);
  };
  at::Tensor noise = at::randn({z.size(0), values}, generator).to(z.device());
  return sample(NoiseSchedule(), Objective::epsilon, sampling.sampler, timesteps, noise, denoiser, generator,
                kUnbounded);
}

}  // namespace

std::vector<int64_t> decoding_counts(int64_t patches, int64_t steps) {
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

at::Tensor generate_frames(Nova& nova, const at::Tensor& condition, const FrameSampling& sampling,
                           at::Generator generator) {
  const torch::NoGradGuard no_grad;
  const NovaConfig& config = nova->config();
  const int64_t frames = condition.size(0), tokens = config.image_tokens(), values = config.image_patch_values();
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(condition.device());
  const at::Tensor order = at::rand({frames, tokens}, generator).argsort(int64_t{1}).to(condition.device());
  at::Tensor patches = at::zeros({frames, tokens, values}, options);
  at::Tensor unknown = at::ones({frames, tokens}, options.dtype(at::kBool));
  int64_t done = 0;
  for (const int64_t count : decoding_counts(tokens, sampling.decoding_steps)) {
    at::Tensor z = nova->complete_frames(patches, {order.narrow(1, 0, done), unknown}, condition);  // [F, N, C]
    at::Tensor ids = order.narrow(1, done, count);
    at::Tensor chosen = z.gather(1, ids.unsqueeze(-1).expand({-1, -1, z.size(2)})).flatten(0, 1);
    at::Tensor drawn = draw_patches(nova->image_decoder, chosen, values, sampling, generator);
    patches.scatter_(1, ids.unsqueeze(-1).expand({-1, -1, values}), drawn.view({frames, count, values}));
    unknown.scatter_(1, ids, false);
    done += count;
  }
  return unpatchify(patches, config.image_patch, config.latent_height, config.latent_width);
}

}  // namespace physgen
