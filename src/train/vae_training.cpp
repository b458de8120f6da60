#include "train/vae_training.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <torch/torch.h>

#include "codec/pixels.h"
#include "core/random.h"
#include "media/resize.h"
#include "train/rank_share.h"
#include "train/run_folder.h"

namespace physgen {
namespace {

constexpr int64_t kEvaluationBatch = 16;
constexpr int64_t kMostEvaluated = 512;  // frames: statistics over more would not differ
constexpr int64_t kReconstructions = 8;  // pictures a row

// At most `most` frames, evenly spaced.
at::Tensor spread(const at::Tensor& frames, int64_t most) {
  const int64_t interval = std::max<int64_t>(1, frames.size(0) / most);
  return frames.slice(0, 0, c10::nullopt, interval);
}

at::Tensor mean_frame(const at::Tensor& frames) {
  at::Tensor sum = at::zeros({3, frames.size(1), frames.size(2)});
  for (const at::Tensor& part : frames.split(kEvaluationBatch)) sum += pixels_to_values(part).sum(0);
  return sum / frames.size(0);
}

std::vector<double> numbers_of(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<double>(), tensor.const_data_ptr<double>() + tensor.numel()};
}

}  // namespace

// Frames, how much each pixel counts, and what latents are drawn with.
struct VaeTraining::Batch {
  at::Tensor frames;  // [B, 3, H, W]
  at::Tensor counts;  // [B, 1, H, W]
  at::Tensor noise;   // [B, C, h, w]
};

VaeTraining::VaeTraining(const VaeTrainConfig& config, CausalVae vae, FramePool pool, const Compute& compute)
    : config_(config),
      vae_(std::move(vae)),
      pool_(std::move(pool)),
      compute_(compute),
      mean_(mean_frame(pool_.training)) {
  vae_->to(compute.device);
}

std::vector<OptimizedParameter> VaeTraining::parameters() const { return optimized_parameters(*vae_); }

int64_t VaeTraining::frame_at(int64_t position) const {
  const uint64_t number =
      mixed_seed(static_cast<uint64_t>(config_.seed), Stream::clips, static_cast<uint64_t>(position));
  return static_cast<int64_t>(number % static_cast<uint64_t>(pool_.training.size(0)));
}

// Each sample is a pure function of its position.
VaeTraining::Batch VaeTraining::draw(int64_t first, int64_t count) const {
  const auto seed = static_cast<uint64_t>(config_.seed);
  const int64_t stride = config_.vae.stride();
  std::vector<int64_t> chosen;
  std::vector<FrameAugmentation> changes;
  std::vector<at::Tensor> noise;
  for (int64_t position = first; position < first + count; ++position) {
    const auto index = static_cast<uint64_t>(position);
    chosen.push_back(frame_at(position));
    changes.push_back(draw_augmentation(config_.augmentation, mixed_seed(seed, Stream::augmentation, index)));
    noise.push_back(
        at::randn({config_.vae.latent_channels, config_.canvas.height / stride, config_.canvas.width / stride},
                  at::detail::createCPUGenerator(mixed_seed(seed, Stream::noise, index))));
  }
  const at::Tensor frames = pixels_to_values(pool_.training.index_select(0, at::tensor(chosen, at::kLong)));
  const at::Tensor counts = 1 + config_.detail_weight * (frames - mean_).abs().mean(1, /*keepdim=*/true);
  const at::Tensor moved = shift_frames(at::cat({frames, counts}, 1).unsqueeze(1), changes);  // [B, 1, 4, H, W]
  return {change_colours(moved.narrow(2, 0, 3), changes).squeeze(1), moved.narrow(2, 3, 1).squeeze(1),
          at::stack(noise)};
}

std::vector<at::Tensor> VaeTraining::loss_sums(const Batch& batch) const {
  CausalVae vae = vae_;  // a handle
  const at::Tensor frames = batch.frames.to(compute_.device);
  const LatentMoments moments = vae->encode(frames.to(compute_.dtype));
  const at::Tensor latents = moments.sample(batch.noise.to(compute_.device));
  const at::Tensor made = vae->decode(latents.to(compute_.dtype)).to(at::kFloat);
  const at::Tensor divergence =
      0.5 * (moments.mean.square() + moments.log_variance.exp() - 1 - moments.log_variance).sum();
  return {((made - frames).abs() * batch.counts.to(compute_.device)).sum(), config_.kl_weight * divergence};
}

std::vector<StepPart> VaeTraining::prepare(int64_t step, const WorkShare& share) const {
  const int64_t size = config_.batch / config_.accumulation / share.ranks;
  std::vector<StepPart> parts;
  for (int64_t i = share.rank * config_.accumulation; i < (share.rank + 1) * config_.accumulation; ++i) {
    const Batch batch = draw(step * config_.batch + i * size, size);
    parts.push_back({.counts = {static_cast<double>(batch.frames.numel()), static_cast<double>(batch.noise.numel())},
                     .sums = [this, batch] { return loss_sums(batch); }});
  }
  return parts;
}

std::string VaeTraining::sources(int64_t step, const WorkShare& share) const {
  const int64_t count = config_.batch / share.ranks, first = step * config_.batch + share.rank * count;
  std::string text = "of " + std::to_string(pool_.training.size(0)) + " training frames number";
  for (int64_t i = first; i < first + count; ++i) text += ' ' + std::to_string(frame_at(i));
  return text;
}

at::Tensor VaeTraining::encode(CausalVae vae, const at::Tensor& frames) const {
  return vae->encode(pixels_to_values(frames.to(compute_.device)).to(compute_.dtype)).mean;
}

// [N, H, W, 3] uint8 -> what the VAE makes of them, float32 [N, 3, H, W]
at::Tensor VaeTraining::reconstruct(CausalVae vae, const at::Tensor& frames) const {
  return vae->decode(encode(vae, frames).to(compute_.dtype)).to(at::kFloat).clamp(-1, 1);
}

std::optional<EvaluationMetrics> VaeTraining::evaluate(Ranks* ranks) {
  const at::NoGradGuard no_gradient;
  const WorkShare share = share_of(ranks);
  double absolute = 0, square = 0, count = 0;
  const std::vector<at::Tensor> parts = spread(pool_.held_out, kMostEvaluated).split(kEvaluationBatch);
  for (auto i = static_cast<size_t>(share.rank); i < parts.size(); i += static_cast<size_t>(share.ranks)) {
    const at::Tensor error = reconstruct(vae_, parts[i]) - pixels_to_values(parts[i].to(compute_.device));
    absolute += error.abs().sum().item<double>();
    square += error.square().sum().item<double>();
    count += static_cast<double>(error.numel());
  }
  const std::vector<double> sums = sum_over(ranks, {absolute, square, count});
  const double mean = sums[0] / sums[2], ratio = 10 * std::log10(4 / (sums[1] / sums[2]));
  return EvaluationMetrics{.numbers = {{"mean_absolute_error", mean}, {"peak_signal_to_noise", ratio}}, .score = mean};
}

// The latents' mean and deviation over training frames, for the VAE's config.
void VaeTraining::measure_latents(CausalVae& vae) const {
  std::vector<at::Tensor> means;
  for (const at::Tensor& part : spread(pool_.training, kMostEvaluated).split(kEvaluationBatch)) {
    means.push_back(encode(vae, part));
  }
  const at::Tensor latents = at::cat(means).transpose(0, 1).flatten(1).to(at::kDouble).cpu();  // [C, N h w]
  vae->config.latent_mean = numbers_of(latents.mean(1));
  vae->config.latent_deviation = numbers_of(latents.std(1));
}

// Held-out frames above what the VAE makes of them.
Image VaeTraining::reconstructions(const CausalVae& vae) const {
  constexpr int64_t kGap = 2;
  const at::Tensor frames = spread(pool_.held_out, kReconstructions).slice(0, 0, kReconstructions);
  const at::Tensor made = values_to_pixels(reconstruct(vae, frames));
  return stack_vertically({side_by_side(to_images(frames), kGap), side_by_side(to_images(made), kGap)}, kGap);
}

WriteWeights VaeTraining::copy(int64_t, bool) const {
  const at::NoGradGuard no_gradient;
  CausalVae vae(vae_->config);
  vae->to(compute_.device);
  load_state_dict(*vae, state_dict(*vae_), "the VAE that is trained");
  return [this, vae, measured = false](const std::filesystem::path& directory) mutable {
    const at::NoGradGuard off;  // of this thread
    if (!std::exchange(measured, true)) measure_latents(vae);
    write_vae(directory, vae);
    write_png((directory / kReconstructionsName).string(), reconstructions(vae));
  };
}

}  // namespace physgen
