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

namespace {

// Packs that leave a full window for the newest. A restart keeps half of it.
int64_t leaving_packs(int64_t packs, WhenFull when_full) {
  return when_full == WhenFull::restart ? packs - packs / 2 : 1;
}

}  // namespace

ControlRound::ControlRound(const PolicyConfig& config, PhysGenModel model, FrameEncoder encoder, ActionSampler sampler,
                           at::Device device, const ControlRoundOptions& options)
    : config_(config),
      model_(std::move(model)),
      encoder_(std::move(encoder)),
      sampler_(std::move(sampler)),
      device_(device),
      when_full_(options.when_full),
      graphs_(device, options.graphs),
      window_(config.model.packs, options.execute, leaving_packs(config.model.packs, options.when_full)),
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

// Where the window is full, what stays is encoded anew as a window that begins there, or ring mode forgets the oldest
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

// The place of the first pack that is taken up. Only in ring mode places go on past the window's end.
int64_t ControlRound::first() const {
  if (begins_anew()) return 0;
  return when_full_ == WhenFull::ring ? round_ : window_.size() - 1;
}

// Then: what it shows is taken up.
void ControlRound::append() {
  make_room();
  const auto work = [this] {
    window_.put({latent_, actions_, state_});
    std::vector<KvCache> none;
    const Conditions conditions =
        model_->append(packs(), text_, first(), keeps_keys() ? caches_ : none, anchor_, OutputPacks::newest);
    keep_conditions(of_newest(model_->head_condition(conditions)), of_newest(conditions.frames));
  };
  if (window_.slides() && !begins_anew()) {  // positions without end: no two rounds are the same
    work();
  } else {
    graphs_.run(begins_anew() ? "begin anew" : "append " + std::to_string(window_.size()), work);
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
