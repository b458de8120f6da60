#include "bench/activation_memory.h"

#include <algorithm>
#include <array>

#include <torch/torch.h>

#include <physgen/policy/loss_noise.h>
#include <physgen/vae/frame_encoder.h>

#include "bench/random_policy.h"
#include "device/autocast_scope.h"
#include "device/memory_count.h"
#include "kernels/kernel_report.h"

namespace physgen {
namespace {

// Where attention needs no table of all pairs of tokens, memory is linear in a sequence, too (see attention.cpp).
constexpr int64_t kLongSequence = 512;
constexpr int64_t kLargestSide = 256;  // of a canvas that is encoded to see what it takes: pixels

// A number of blocks: the fewest that there can be, and how many more make one of a kind.
struct Depth {
  int64_t least, step;
  int64_t& (*of)(ModelConfig& model);
  bool of_sequence;  // they see a window's whole sequence, or each frame of it alone
};

constexpr std::array<Depth, 4> kDepths = {{
    {1, 1, [](ModelConfig& model) -> int64_t& { return model.backbone.video_depth; }, true},
    {2, 2, [](ModelConfig& model) -> int64_t& { return model.backbone.image_depth; }, false},
    {1, 1, [](ModelConfig& model) -> int64_t& { return model.backbone.decoder_depth; }, false},
    {1, 1, [](ModelConfig& model) -> int64_t& { return model.head.depth; }, false},
}};

// The model's weights are zero: what it computes does not matter, and numbers near zero would be slow.
template <class Module>
void clear(Module& module) {
  const at::NoGradGuard no_gradient;
  for (at::Tensor& parameter : module->parameters()) parameter.zero_();
}

// What a forward pass of a small model takes.
struct Held {
  double bytes = 0;  // at its end, for the backward pass
  double peak = 0;   // on its way
};

// Of one window, and of two: what all windows share, such as the copies that autocast makes of weights, is in both.
struct HeldByWindows {
  Held one, two;

  double of_a_window() const { return two.bytes - one.bytes; }
  double shared() const { return one.bytes - of_a_window(); }
};

class Probe {
 public:
  Probe(const PolicyConfig& policy, const FinetuneConfig& config, TrainMode mode, const Compute& compute, double share)
      : policy_(policy), config_(config), mode_(mode), compute_(compute), share_(share) {}

  Held held(const ModelConfig& sizes, int64_t windows) const {
    PolicyConfig policy = policy_;
    policy.model = sizes;
    MemoryCount count(compute_.device);
    PhysGenModel model(sizes);
    clear(model);
    prepare_training(model, mode_, config_.lora_rank, config_.lora_alpha);
    model->to(compute_.device);
    const WindowBatch batch = moved(random_windows(policy, windows), compute_.device);
    const LossNoise noise = moved(noise_of(sizes, batch), compute_.device);
    const int64_t before = count.held();
    count.forget_peak();
    const AutocastScope autocast(compute_.device, compute_.dtype);
    const Losses losses = compute_losses(model, batch, noise, config_.loss);
    return {static_cast<double>(count.held() - before), static_cast<double>(count.peak() - before)};
  }

  HeldByWindows held(const ModelConfig& sizes) const { return {held(sizes, 1), held(sizes, 2)}; }

 private:
  LossNoise noise_of(const ModelConfig& sizes, const WindowBatch& batch) const {
    const int64_t windows = batch.latents.size(0);
    LossNoise noise = draw_loss_noise(sizes, config_.loss, {.count = windows});
    if (!config_.loss.observation) return noise;
    at::Generator random = benchmark_generator(Stream::masks);
    noise.frame_mask =
        draw_frame_mask(share_, at::rand({windows * sizes.packs, sizes.backbone.image_tokens()}, random));
    noise.decoded = noise.frame_mask.unknown.flatten().nonzero().squeeze(1);
    return noise;
  }

  const PolicyConfig& policy_;
  const FinetuneConfig& config_;
  TrainMode mode_;
  Compute compute_;
  double share_;
};

// As few packs as have the memory of a long sequence, or all.
int64_t packs_to_run(const ModelConfig& model) {
  const PackLayout layout = model.layout();
  int64_t packs = 1;
  while (packs < model.packs && layout.length(packs) <= kLongSequence) ++packs;
  return layout.length(model.packs) <= kLongSequence ? model.packs : packs;
}

ModelConfig shallow(ModelConfig model) {
  model.packs = packs_to_run(model);
  for (const Depth& depth : kDepths) depth.of(model) = depth.least;
  return model;
}

// What all blocks beyond the fewest take.
double deeper(const Probe& probe, ModelConfig whole, const ModelConfig& small, const HeldByWindows& least,
              int64_t windows) {
  double bytes = 0;
  for (const Depth& depth : kDepths) {
    const int64_t blocks = (depth.of(whole) - depth.least) / depth.step;
    if (blocks <= 0) continue;
    ModelConfig more = small;
    depth.of(more) += depth.step;
    const HeldByWindows held = probe.held(more);
    const auto packs = static_cast<double>(whole.packs) / static_cast<double>(small.packs);
    const auto tokens = static_cast<double>(whole.layout().length(whole.packs)) /
                        static_cast<double>(small.layout().length(small.packs));
    const double of_a_window = (held.of_a_window() - least.of_a_window()) * (depth.of_sequence ? tokens : packs);
    bytes +=
        static_cast<double>(blocks) * (held.shared() - least.shared() + of_a_window * static_cast<double>(windows));
  }
  return bytes;
}

double held_by(const Probe& probe, const ModelConfig& whole, int64_t windows) {
  const ModelConfig small = shallow(whole);
  const HeldByWindows least = probe.held(small);
  double of_a_pack = 0;
  if (small.packs < whole.packs) {
    ModelConfig longer = small;
    ++longer.packs;
    of_a_pack = probe.held(longer, 1).bytes - least.one.bytes;
  }
  const auto more_windows = static_cast<double>(windows - 1),
             more_packs = static_cast<double>(whole.packs - small.packs);
  const double longer_too = static_cast<double>(windows) * more_packs * of_a_pack;
  const double held =
      least.one.bytes + more_windows * least.of_a_window() + longer_too + deeper(probe, whole, small, least, windows);
  return std::max(held, least.one.peak + more_windows * (least.two.peak - least.one.peak) + longer_too);
}

}  // namespace

int64_t activation_memory(const PolicyConfig& policy, const FinetuneConfig& config, TrainMode mode, int64_t windows,
                          const Compute& compute) {
  kernel_reports();  // the comparison that their first use makes is not what is measured
  double most = 0;
  for (const double share : {0.0, 1.0}) {
    most = std::max(most, held_by({policy, config, mode, compute, share}, policy.model, windows));
  }
  return static_cast<int64_t>(most);
}

namespace {

// A side that the VAE can halve, and that takes little time.
int64_t probe_side(int64_t side, int64_t stride) { return std::min(side, kLargestSide / stride * stride); }

}  // namespace

EncodingMemory encoding_memory(const PolicyConfig& policy, int64_t frames_at_once, const Compute& compute) {
  kernel_reports();
  const at::NoGradGuard no_gradient;
  MemoryCount count(compute.device);
  CausalVae vae(policy.vae);
  clear(vae);
  const int64_t before = count.held();
  const FrameEncoder encoder(vae, compute.device, compute.dtype);
  const int64_t weights = count.held() - before, stride = policy.vae.stride();
  const int64_t height = probe_side(policy.canvas.height, stride), width = probe_side(policy.canvas.width, stride);
  const auto run = [&](int64_t frames) {
    const at::Tensor pictures = at::zeros({frames, height, width, 3}, at::kByte);
    const int64_t held = count.held();
    count.forget_peak();
    encoder.encode(pictures);
    return count.peak() - held;
  };
  const int64_t one = run(1), two = run(2);
  const double area =
      static_cast<double>(policy.canvas.height * policy.canvas.width) / static_cast<double>(height * width);
  const double all =
      static_cast<double>(one) + static_cast<double>(two - one) * (area * static_cast<double>(frames_at_once) - 1);
  return {weights, static_cast<int64_t>(all)};
}

}  // namespace physgen
