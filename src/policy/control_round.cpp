#include "policy/control_round.h"

#include <utility>

#include <torch/torch.h>

#include "device/timed_stage.h"

namespace physgen {

void keep(at::Tensor& kept, const at::Tensor& value, at::Device device) {
  if (!value.defined()) return;
  if (!kept.defined()) kept = at::empty(value.sizes(), value.options().device(device));
  kept.copy_(value);
}

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

at::Tensor ControlRound::run(const RoundInputs& inputs, const std::function<void(const char*, double)>& on_stage) {
  const GraphCache::Stream stream(graphs_);
  timed_stage(on_stage, device_, "encode", [&] { encode(inputs.canvas); });
  timed_stage(on_stage, device_, "append", [&] {
    take(inputs);
    append();
  });
  return timed_stage(on_stage, device_, "denoise", [&] {
    denoise(inputs.start.defined(), inputs.generator);
    return predicted_.to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);  // the next round writes there
  });
}

// First: the latent of the newest frame.
void ControlRound::encode(const at::Tensor& canvas) {
  keep(canvas_, canvas.unsqueeze(0), device_);
  graphs_.run("encode", [this] { keep(latent_, encoder_.encode(canvas_)[0], device_); });
}

// In one copy to the device, which they are parts of there.
void ControlRound::take(const RoundInputs& inputs) {
  const at::Tensor start = inputs.start.defined() ? inputs.start : at::zeros_like(inputs.noise);
  const at::Tensor state = inputs.state.defined() ? inputs.state : at::empty({0});
  keep(inputs_, at::cat({inputs.actions.flatten(), inputs.noise.flatten(), start.flatten(), state}), device_);
  int64_t end = 0;
  const auto next = [&](const at::Tensor& like) {
    end += like.numel();
    return inputs_.narrow(0, end - like.numel(), like.numel()).view(like.sizes());
  };
  actions_ = next(inputs.actions);
  noise_ = next(inputs.noise);
  start_ = next(start);
  if (inputs.state.defined()) state_ = next(state);
}

// The window is full: exact mode encodes the rest anew as a window that begins there, ring mode forgets the oldest
// keys.
void ControlRound::make_room() {
  window_.make_room();
  const PackLayout layout = config_.model.layout();
  const bool evicts = window_.slides() && !begins_anew();
  for (KvCache& cache : caches_) {
    if (evicts) {
      cache.evict(layout.prefix, layout.pack());
    } else {
      cache.set_length(first() == 0 ? 0 : layout.start_of(first()));
    }
  }
}

// Then: what it shows is taken up.
void ControlRound::append() {
  make_room();
  const auto work = [this] {
    window_.put({latent_, actions_, state_});
    const Conditions conditions = model_->append(packs(), text_, first(), caches_, anchor_);
    keep_conditions(of_last_pack(model_->head_condition(conditions)), of_last_pack(conditions.frames));
  };
  if (window_.slides() && !begins_anew()) {  // positions without end: no two rounds are the same
    work();
  } else {
    graphs_.run(window_.slides() ? "slide" : "append " + std::to_string(window_.size()), work);
  }
  finish();
}

void ControlRound::keep_conditions(const at::Tensor& condition, const at::Tensor& frame_condition) {
  keep(condition_, condition, device_);
  keep(frame_condition_, frame_condition, device_);
}

void ControlRound::finish() {
  for (KvCache& cache : caches_) cache.set_length(config_.model.layout().length(window_.size()));
  ++round_;
}

// Last: actions.
void ControlRound::denoise(bool is_warm, const at::Generator& generator) {
  const auto work = [&] {
    keep(predicted_, sampler_.sample(condition_, noise_, is_warm ? start_ : at::Tensor(), {generator}), device_);
  };
  if (sampler_.draws_noise()) {
    work();
  } else {
    graphs_.run(is_warm ? "denoise from a start" : "denoise", work);
  }
}

}  // namespace physgen
