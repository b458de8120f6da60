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

// Draws patches from their tokens: z [n, C] -> [n, values].
class PatchSampler {
 public:
  PatchSampler(DiffusionMlp decoder, int64_t values, const FrameSampling& sampling)
      : decoder_(std::move(decoder)),
        values_(values),
        sampler_(sampling.sampler),
        timesteps_(sampling_timesteps(Objective::epsilon, sampling.denoising_steps)) {}

  at::Tensor draw(const at::Tensor& z, at::Generator& generator) {
    const at::Tensor condition = decoder_->embed_condition(z);
    const auto denoiser = [&](const at::Tensor& x, int64_t index) {
      at::Tensor timestep = at::full({1}, timesteps_[index], at::TensorOptions(at::kLong).device(x.device()));
      return decoder_->forward(x, timestep, condition).to(at::kFloat);
    };
    at::Tensor noise = at::randn({z.size(0), values_}, generator).to(z.device());
    return sample(schedule_, Objective::epsilon, sampler_, timesteps_, noise, denoiser, generator, kUnbounded);
  }

 private:
  DiffusionMlp decoder_;
  int64_t values_;
  Sampler sampler_;
  std::vector<int64_t> timesteps_;
  NoiseSchedule schedule_;
};

// Each frame's ids as an index of rows of `width` values, [F, n, width].
at::Tensor rows_index(const at::Tensor& ids, int64_t width) { return ids.unsqueeze(-1).expand({-1, -1, width}); }

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

at::Tensor generate_frames(Nova& nova, const at::Tensor& condition, const FrameSampling& sampling,
                           at::Generator generator) {
  const torch::NoGradGuard no_grad;
  const NovaConfig& config = nova->config();
  const int64_t frames = condition.size(0), tokens = config.image_tokens(), values = config.image_patch_values();
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(condition.device());
  const at::Tensor order = at::rand({frames, tokens}, generator).argsort(int64_t{1}).to(condition.device());
  at::Tensor patches = at::zeros({frames, tokens, values}, options);
  at::Tensor unknown = at::ones({frames, tokens}, options.dtype(at::kBool));
  PatchSampler sampler(nova->image_decoder, values, sampling);
  int64_t done = 0;
  for (const int64_t count : decoding_counts(tokens, sampling.decoding_steps)) {
    at::Tensor z = nova->complete_frames(patches, {order.narrow(1, 0, done), unknown}, condition);  // [F, N, C]
    at::Tensor ids = order.narrow(1, done, count);
    at::Tensor drawn = sampler.draw(z.gather(1, rows_index(ids, z.size(2))).flatten(0, 1), generator);
    patches.scatter_(1, rows_index(ids, values), drawn.view({frames, count, values}));
    unknown.scatter_(1, ids, false);
    done += count;
  }
  return unpatchify(patches, config.image_patch, config.latent_height, config.latent_width);
}

}  // namespace physgen
