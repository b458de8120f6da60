#include "policy/control_round.h"

#include <utility>

#include <torch/torch.h>

namespace physgen {
namespace {

// Into memory that stays; the first time decides where it is.
void keep(at::Tensor& kept, const at::Tensor& value, at::Device device) {
  if (!value.defined()) return;
  if (!kept.defined()) kept = at::empty(value.sizes(), value.options().device(device));
  kept.copy_(value);
}

}  // namespace

ControlRound::ControlRound(const PolicyConfig& config, PhysGenModel model, FrameEncoder encoder, ActionSampler sampler,
                           int64_t execute, at::Device device, bool graphs)
    : config_(config),
      model_(std::move(model)),
      encoder_(std::move(encoder)),
      sampler_(std::move(sampler)),
      device_(device),
      graphs_(device, graphs),
      window_(config.model.packs, execute),
      caches_(model_->make_caches(1)) {}

void ControlRound::reset(const std::string& instruction) {
  const TextFeatures text = model_->encode_text({instruction});
  keep(text_.values, text.values, device_);
  keep(text_.used, text.used, device_);
  window_.clear();
  round_ = 0;
}

void ControlRound::encode(const at::Tensor& canvas) {
  keep(canvas_, canvas.unsqueeze(0), device_);
  graphs_.run("encode", [this] { keep(latent_, encoder_.encode(canvas_)[0], device_); });
}

// The window is full: exact mode encodes the rest anew as a window that begins there, ring mode forgets the oldest
// keys.
Conditions ControlRound::slide() {
  if (config_.model.when_full == WhenFull::exact) return model_->append(window_.all(), text_, 0, caches_, anchor_);
  const PackLayout layout = config_.model.layout();
  for (KvCache& cache : caches_) cache.evict(layout.prefix, layout.pack());
  return model_->append(window_.newest(), text_, round_, caches_, anchor_);
}

void ControlRound::append(const at::Tensor& actions, const at::Tensor& state) {
  keep(actions_, actions, device_);
  keep(state_, state, device_);
  const PackLayout layout = config_.model.layout();
  const bool slides = window_.make_room(), exact = config_.model.when_full == WhenFull::exact;
  const int64_t packs = window_.size(), first = slides ? 0 : packs - 1;
  const auto work = [&] {
    window_.put({latent_, actions_, state_});
    const Conditions conditions = slides ? slide() : model_->append(window_.newest(), text_, first, caches_, anchor_);
    const at::Tensor all = model_->head_condition(conditions);  // [1, P, K, C]
    keep(condition_, all.select(1, all.size(1) - 1), device_);
    keep(frame_condition_, conditions.frames.select(1, conditions.frames.size(1) - 1), device_);
  };
  if (slides && !exact) {  // positions without end: no two rounds are the same
    work();
  } else {
    for (KvCache& cache : caches_) cache.set_length(first == 0 ? 0 : layout.start_of(first));
    graphs_.run(slides ? "slide" : "append " + std::to_string(packs), work);
    for (KvCache& cache : caches_) cache.set_length(layout.length(packs));
  }
  ++round_;
}

at::Tensor ControlRound::denoise(const at::Tensor& noise, const at::Tensor& start, const at::Generator& generator) {
  keep(noise_, noise, device_);
  keep(start_, start, device_);
  const bool is_warm = start.defined();
  const auto work = [&] {
    keep(predicted_, sampler_.sample(condition_, noise_, is_warm ? start_ : at::Tensor(), generator), device_);
  };
  if (sampler_.draws_noise()) {
    work();
  } else {
    graphs_.run(is_warm ? "denoise from a start" : "denoise", work);
  }
  return predicted_.to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);  // the next round writes there
}

}  // namespace physgen
