#include <physgen/train/vae_trainer.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <utility>

#include <torch/torch.h>

#include <physgen/codec/pixels.h>
#include <physgen/core/error.h>
#include <physgen/core/random.h>
#include <physgen/data/demonstration_dataset.h>
#include <physgen/device/compute_device.h>
#include <physgen/files/atomic_file.h>
#include <physgen/files/manifest.h>
#include <physgen/layers/initialization.h>
#include <physgen/media/resize.h>
#include <physgen/train/frame_pool.h>
#include <physgen/train/optimizer.h>
#include <physgen/vae/frame_encoder.h>
#include <physgen/vae/vae_checkpoint.h>

#include "device/autocast_scope.h"

namespace physgen {
namespace {

constexpr int64_t kEvaluationBatch = 16;
constexpr int64_t kMostEvaluated = 512;   // frames: statistics over more would not differ
constexpr double kFirstLogVariance = -6;  // a posterior that starts wide drowns what the decoder should learn from
constexpr int64_t kReconstructions = 8;   // pictures a row

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check_canvas(const VaeTrainConfig& config) {
  check(config.vae);
  check(config.canvas, "canvas");
  const int64_t stride = config.vae.stride();
  if (config.canvas.height % stride == 0 && config.canvas.width % stride == 0) return;
  throw ConfigError({.what = "the VAE cannot halve the canvas down to its latents",
                     .where = "canvas",
                     .got = std::to_string(config.canvas.height) + " x " + std::to_string(config.canvas.width),
                     .expected = "sides that are multiples of " + std::to_string(stride),
                     .next_step = "change canvas.height and canvas.width, or vae.widths"});
}

/// What one step learns from: frames, and how much each pixel counts.
struct VaeBatch {
  at::Tensor frames;  // [B, 3, H, W]
  at::Tensor counts;  // [B, 1, H, W]
};

/// A VAE while it is trained.
class Training {
 public:
  Training(const VaeTrainConfig& config, FramePool pool, at::Device device)
      : config_(config),
        device_(device),
        dtype_(compute_dtype(config.precision, device)),
        pool_(std::move(pool)),
        mean_(mean_frame()),
        vae_(make_vae()),
        optimizer_(optimized_parameters(*vae_), config.adam) {}

  /// The loss of one step, which is then taken.
  double step(int64_t index) {
    at::Tensor loss = loss_of(draw(index), index);
    const double value = loss.item<double>();
    if (!std::isfinite(value)) {
      throw Error({.what = "the loss of the VAE is not finite",
                   .where = "step " + std::to_string(index + 1),
                   .got = std::to_string(value),
                   .next_step = "lower learning_rate.peak, or set precision to float32"});
    }
    loss.backward();
    clip_gradients(optimizer_.parameters(), config_.max_gradient_norm);
    optimizer_.step(learning_rate_at(config_.learning_rate, index, config_.steps));
    optimizer_.clear_gradients();
    return value;
  }

  /// Stores the latents' mean and deviation, measured over training frames, in the VAE's config.
  void measure_latents() {
    const int64_t interval = std::max<int64_t>(1, pool_.training.size(0) / kMostEvaluated);
    std::vector<at::Tensor> means;
    for (const at::Tensor& part : pool_.training.slice(0, 0, c10::nullopt, interval).split(kEvaluationBatch)) {
      means.push_back(encode(part));
    }
    const at::Tensor latents = at::cat(means).transpose(0, 1).flatten(1).to(at::kDouble).cpu();  // [C, N h w]
    const at::Tensor mean = latents.mean(1), deviation = latents.std(1);
    vae_->config.latent_mean.assign(mean.data_ptr<double>(), mean.data_ptr<double>() + mean.numel());
    vae_->config.latent_deviation.assign(deviation.data_ptr<double>(), deviation.data_ptr<double>() + mean.numel());
  }

  /// [N, H, W, 3] uint8 -> what the VAE makes of them, float32 [N, 3, H, W]
  at::Tensor reconstruct(const at::Tensor& frames) {
    const at::NoGradGuard no_gradient;
    return vae_->decode(encode(frames).to(dtype_)).to(at::kFloat).clamp(-1, 1);
  }

  const FramePool& pool() const { return pool_; }
  const CausalVae& vae() const { return vae_; }
  at::Device device() const { return device_; }

 private:
  CausalVae make_vae() const {
    CausalVae vae(config_.vae);
    initialize(*vae, at::detail::createCPUGenerator(mixed_seed(config_.seed, Stream::weights)));
    const at::NoGradGuard no_gradient;
    vae->quant_conv->bias.slice(0, config_.vae.latent_channels).fill_(kFirstLogVariance);
    vae->to(device_);
    return vae;
  }

  at::Tensor mean_frame() const {
    at::Tensor sum = at::zeros({3, config_.canvas.height, config_.canvas.width}, device_);
    for (const at::Tensor& part : pool_.training.split(kEvaluationBatch))
      sum += pixels_to_values(part.to(device_)).sum(0);
    return sum / pool_.training.size(0);
  }

  at::Tensor encode(const at::Tensor& frames) const {
    const at::NoGradGuard no_gradient;
    return vae_->encode(pixels_to_values(frames.to(device_)).to(dtype_)).mean;
  }

  VaeBatch draw(int64_t index) const {
    at::Generator generator = at::detail::createCPUGenerator(mixed_seed(config_.seed, Stream::clips, index));
    const at::Tensor chosen = at::randint(pool_.training.size(0), {config_.batch}, generator, at::kLong);
    const at::Tensor frames = pixels_to_values(pool_.training.index_select(0, chosen).to(device_));
    const at::Tensor counts = 1 + config_.detail_weight * (frames - mean_).abs().mean(1, /*keepdim=*/true);
    std::vector<FrameAugmentation> changes;
    for (int64_t i = 0; i < config_.batch; ++i) {
      const uint64_t seed = mixed_seed(config_.seed, Stream::augmentation, index * config_.batch + i);
      changes.push_back(draw_augmentation(config_.augmentation, seed));
    }
    const at::Tensor moved = shift_frames(at::cat({frames, counts}, 1).unsqueeze(1), changes);  // [B, 1, 4, H, W]
    return {change_colours(moved.narrow(2, 0, 3), changes).squeeze(1), moved.narrow(2, 3, 1).squeeze(1)};
  }

  at::Tensor loss_of(const VaeBatch& batch, int64_t index) const {
    const LatentMoments moments = vae_->encode(batch.frames.to(dtype_));
    at::Generator generator = at::detail::createCPUGenerator(mixed_seed(config_.seed, Stream::noise, index));
    const at::Tensor noise = at::randn(moments.mean.sizes(), generator).to(device_);
    const at::Tensor made = vae_->decode(moments.sample(noise).to(dtype_)).to(at::kFloat);
    const at::Tensor divergence =
        0.5 * (moments.mean.square() + moments.log_variance.exp() - 1 - moments.log_variance).mean();
    return ((made - batch.frames).abs() * batch.counts).mean() + config_.kl_weight * divergence;
  }

  VaeTrainConfig config_;
  at::Device device_;
  at::ScalarType dtype_;
  FramePool pool_;
  at::Tensor mean_;
  CausalVae vae_;
  AdamW optimizer_;
};

/// Mean absolute error and peak signal-to-noise ratio over held-out frames.
void evaluate(Training& training, VaeReport& report) {
  const at::Tensor& frames = training.pool().held_out;
  const int64_t interval = std::max<int64_t>(1, frames.size(0) / kMostEvaluated);
  double absolute = 0, square = 0, count = 0;
  for (const at::Tensor& part : frames.slice(0, 0, c10::nullopt, interval).split(kEvaluationBatch)) {
    const at::Tensor error = training.reconstruct(part) - pixels_to_values(part.to(training.device()));
    absolute += error.abs().sum().item<double>();
    square += error.square().sum().item<double>();
    count += static_cast<double>(error.numel());
  }
  report.mean_absolute_error = absolute / count;
  report.peak_signal_to_noise = 10 * std::log10(4 / (square / count));
}

Image draw_reconstructions(Training& training) {
  const at::Tensor& held_out = training.pool().held_out;
  const int64_t interval = std::max<int64_t>(1, held_out.size(0) / kReconstructions);
  const at::Tensor frames = held_out.slice(0, 0, c10::nullopt, interval).slice(0, 0, kReconstructions);
  const at::Tensor made = values_to_pixels(training.reconstruct(frames));
  constexpr int64_t kGap = 2;
  return stack_vertically({side_by_side(to_images(frames), kGap), side_by_side(to_images(made), kGap)}, kGap);
}

std::string metrics_line(const VaeProgress& progress) {
  std::ostringstream line;
  line << std::setprecision(6) << "{\"step\": " << progress.step << ", \"loss\": " << progress.loss
       << ", \"learning_rate\": " << progress.learning_rate << ", \"seconds\": " << progress.seconds << "}\n";
  return line.str();
}

void save(Training& training, const std::string& metrics, const std::string& out) {
  AtomicDirectory directory(out);
  write_vae(directory.path(), training.vae());
  write_file_atomically(directory.path() / "metrics.jsonl", metrics);
  write_png((directory.path() / "reconstructions.png").string(), draw_reconstructions(training));
  write_manifest(directory.path(), "vae");
  directory.commit();
}

}  // namespace

VaeReport train_vae(const VaeTrainConfig& config, const std::vector<std::string>& data, const std::string& out,
                    const std::string& device, const std::function<void(const VaeProgress&)>& progress) {
  check_canvas(config);
  const DemonstrationDataset dataset(data);
  Training training(config, read_frames(dataset, config.canvas, config.held_out, config.max_frames),
                    compute_device(device));
  std::string metrics;
  const auto start = std::chrono::steady_clock::now();
  for (int64_t step = 0; step < config.steps; ++step) {
    const double rate = learning_rate_at(config.learning_rate, step, config.steps);
    const double loss = training.step(step);
    const VaeProgress now{step + 1, config.steps, loss, rate, seconds_since(start)};
    metrics += metrics_line(now);
    progress(now);
  }
  VaeReport report{.training_frames = training.pool().training.size(0),
                   .held_out_frames = training.pool().held_out.size(0),
                   .seconds = seconds_since(start)};
  training.measure_latents();
  evaluate(training, report);
  save(training, metrics, out);
  return report;
}

}  // namespace physgen
