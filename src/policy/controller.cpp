#include <physgen/policy/controller.h>

#include <algorithm>
#include <optional>

#include <torch/torch.h>

#include <physgen/backbone/frame_generator.h>
#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>
#include <physgen/device/precision.h>
#include <physgen/policy/action_sampler.h>
#include <physgen/policy/policy_checkpoint.h>
#include <physgen/policy/round_batcher.h>
#include <physgen/vae/frame_encoder.h>

#include "codec/pixels.h"
#include "core/random.h"
#include "device/compute_device.h"
#include "device/int8.h"
#include "device/timed_stage.h"
#include "device/weight_memory.h"
#include "kernels/amx.h"
#include "kernels/row_kernels.h"
#include "policy/calibration.h"
#include "policy/control_round.h"
#include "policy/lookahead.h"
#include "policy/packed_action_head.h"
#include "policy/round_queue.h"

namespace physgen {

struct Policy::Weights {
  PolicyConfig config;
  PhysGenModel model;
  FrameEncoder encoder;
  CausalVae decoder;                                    // empty for a policy that does not imagine
  std::shared_ptr<const PackedActionHead> packed_head;  // on the CPU in float32
  at::Device device;
};

Policy::Policy(std::unique_ptr<Weights> weights) : weights_(std::move(weights)) {}
Policy::~Policy() = default;

namespace {

// What is not int8 of an int8 policy is in the quicker number type.
at::ScalarType model_dtype(Precision precision, at::Device device) {
  if (precision == Precision::int8) return best_dtype(device);
  return precision == Precision::bfloat16 ? at::kBFloat16 : at::kFloat;
}

constexpr int64_t kMostPackedValues = 24'000'000;  // of a larger part products take the time, and a copy much memory

bool is_packed(const torch::nn::Module& part) {
  if (!rows_serve()) return false;
  const std::vector<at::Tensor> parameters = part.parameters();
  int64_t values = 0;
  for (const at::Tensor& parameter : parameters) values += parameter.numel();
  const at::Tensor& first = parameters.front();
  const bool is_multiplied = first.scalar_type() == at::kFloat || has_amx();
  return first.is_cpu() && is_multiplied && values <= kMostPackedValues;
}

// What a control round computes for few rows. @return the action head, where it is packed
std::shared_ptr<const PackedActionHead> packed_for_control(PhysGenModel& model) {
  VisionTransformer& encoder = model->nova->video_encoder;
  if (is_packed(*encoder)) encoder->pack();
  if (!is_packed(*model->action_head)) return nullptr;
  if (model->action_head->input->weight.scalar_type() == at::kFloat) {
    return std::make_shared<PackedActionHead>(model->action_head);
  }
  for (const auto& layer : model->action_head->modules()) {
    if (auto* linear = layer->as<LoraLinear>()) linear->pack();
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<const Policy> Policy::load(const std::string& checkpoint, const PolicyOptions& options) {
  const at::Device device = compute_device(options.device);
  const auto precision = choice_of<Precision>(options.precision, "there is no such precision", "precision");
  if (precision == Precision::int8) require_int8(device, "precision int8");
  LoadedPolicy loaded = load_policy(checkpoint);
  merge_adapters(loaded.model);
  loaded.model->eval();
  const LayerScales int8 =
      precision == Precision::int8 ? scales_of(read_calibration(checkpoint, loaded)) : LayerScales();
  const at::ScalarType dtype = model_dtype(precision, device);
  const int64_t needed = weight_bytes(*loaded.model, dtype) + weight_bytes(*loaded.vae, at::kFloat);
  return with_memory(device, needed, smaller_than(dtype), [&] {
    loaded.model->to(device, dtype);
    quantize_layers(loaded.model, int8);
    FrameEncoder encoder(loaded.vae, device, precision == Precision::automatic ? best_dtype(device) : dtype, int8);
    if (options.imagines) loaded.vae->to(device);
    const std::shared_ptr<const PackedActionHead> packed = packed_for_control(loaded.model);
    CausalVae decoder = options.imagines ? loaded.vae : CausalVae(nullptr);
    return std::shared_ptr<const Policy>(
        new Policy(std::make_unique<Weights>(Weights{loaded.config, loaded.model, encoder, decoder, packed, device})));
  });
}

std::string Policy::device() const { return weights_->device.str(); }
const std::vector<std::string>& Policy::cameras() const { return weights_->config.canvas.cameras; }
int64_t Policy::frame_height() const { return weights_->config.frame_height; }
const std::string& Policy::control_mode() const { return weights_->config.control_mode; }
int64_t Policy::action_width() const { return weights_->config.model.codec.action_width; }
int64_t Policy::chunk_length() const { return weights_->config.model.codec.chunk; }
double Policy::control_rate() const { return weights_->config.frames_per_second; }
int64_t Policy::execute() const { return weights_->config.model.codec.execute; }
bool Policy::uses_state() const { return weights_->config.model.codec.state_token; }
int64_t Policy::state_width() const { return uses_state() ? weights_->config.model.codec.state_width : 0; }
const std::vector<std::pair<int64_t, int64_t>>& Policy::seeds_tried() const { return weights_->config.seeds_tried; }

const std::string& Policy::data_sha256() const { return weights_->config.data_sha256; }

bool Policy::knows(const std::string& instruction) const {
  const std::vector<std::string>& known = weights_->config.instructions;
  return std::find(known.begin(), known.end(), instruction) != known.end();
}

const std::string& Policy::instruction() const {
  static const std::string none;
  return weights_->config.instructions.empty() ? none : weights_->config.instructions.front();
}

namespace {

Matrix matrix_of(const at::Tensor& rows) {
  const at::Tensor host = rows.contiguous();
  return Eigen::Map<const Matrix>(host.const_data_ptr<float>(), host.size(0), host.size(1));
}

void check_count(const std::string& what, const std::string& where, int64_t got, int64_t expected,
                 const std::string& next_step) {
  if (got == expected) return;
  throw Error({.what = what,
               .where = where,
               .got = std::to_string(got),
               .expected = std::to_string(expected),
               .next_step = next_step});
}

void require(bool fulfilled, const std::string& what, const std::string& where, const std::string& got,
             const std::string& next_step) {
  if (!fulfilled) throw Error({.what = what, .where = where, .got = got, .expected = "", .next_step = next_step});
}

template <class Enum>
Enum choice(const std::string& text, Enum fallback, const std::string& where) {
  if (text.empty()) return fallback;
  return choice_of<Enum>(text, "no such choice", where);
}

// `given` where it is not 0. Throws ConfigError.
int64_t count_of(int64_t given, int64_t fallback, int64_t most, const std::string& where) {
  if (given >= 0 && given <= most) return given > 0 ? given : fallback;
  throw ConfigError({.what = "a number is out of range",
                     .where = where,
                     .got = std::to_string(given),
                     .expected = "1 to " + std::to_string(most) + ", or 0: as trained"});
}

void require_finite(const Matrix& numbers, const std::string& what, const std::string& where) {
  require(numbers.allFinite(), what, where, "NaN or infinity", "");
}

ActionSampler make_sampler(const PhysGenModel& model, std::shared_ptr<const PackedActionHead> packed,
                           const ControllerOptions& options) {
  ModelConfig config = model->config();
  ActionHeadConfig& head = config.head;
  head.sampler = choice(options.sampler, head.sampler, "sampler");
  check_sizes(config, "policy");
  const int64_t steps =
      count_of(options.denoising_steps, head.denoising_steps, NoiseSchedule::kTimesteps, "denoising_steps");
  return {model, head.sampler, steps, std::move(packed)};
}

WhenFull when_full_of(ModelConfig model, const ControllerOptions& options) {
  model.when_full = choice(options.when_full, model.when_full, "when_full");
  check_sizes(model, "policy");
  return model.when_full;
}

}  // namespace

struct Controller::Episode {
  Episode(std::shared_ptr<const Policy> shared, const ControllerOptions& options)
      : policy(std::move(shared)),
        weights(*policy->weights_),
        config(weights.config),
        on_stage(options.on_stage),
        execute(count_of(options.execute, config.model.codec.execute, config.model.codec.chunk, "execute")),
        lookahead(choice(options.lookahead, config.model.head.lookahead, "lookahead"), execute),
        on_device(config, weights.model, weights.encoder, make_sampler(weights.model, weights.packed_head, options),
                  weights.device, {execute, when_full_of(config.model, options), options.cuda_graphs}),
        batcher(options.batcher) {}

  template <class Work>
  auto timed(const char* stage, const Work& work) const;
  at::Tensor executed_actions(const Matrix& executed) const;
  at::Tensor state_of(const Observation& observation) const;
  RoundInputs inputs_of(const Observation& observation, const Matrix& executed) const;
  at::Tensor predict(const RoundInputs& inputs);

  std::shared_ptr<const Policy> policy;
  const Policy::Weights& weights;
  const PolicyConfig& config;
  std::function<void(const char*, double)> on_stage;
  int64_t execute;
  LookaheadPlan lookahead;
  ControlRound on_device;
  std::shared_ptr<RoundBatcher> batcher;
  std::optional<RoundQueue::Seat> seat;  // from the first episode on
  void require_round(const char* where) const;

  bool started = false;
  Image canvas;  // that the policy saw last
  uint64_t seed = 0;
  int64_t round = 0;
};

template <class Work>
auto Controller::Episode::timed(const char* stage, const Work& work) const {
  return timed_stage(on_stage, weights.device, stage, work);
}

at::Tensor Controller::Episode::executed_actions(const Matrix& executed) const {
  const CodecConfig& codec = config.model.codec;
  at::Tensor actions = at::zeros({codec.chunk, codec.action_width});
  if (round == 0) return actions;
  check_count("the actions executed since the last call are needed", "Controller::act", executed.rows(), execute,
              "execute and report as many rows as ControllerOptions::execute or Policy::execute() says");
  require_finite(executed, "the executed actions are not finite", "Controller::act");
  actions.narrow(0, 0, executed.rows()).copy_(tensor_of(config.actions.normalize(executed)));
  return actions;
}

at::Tensor Controller::Episode::state_of(const Observation& observation) const {
  if (!config.model.codec.state_token) return {};
  check_count("the robot's state has another width than in training", "Observation::state",
              static_cast<int64_t>(observation.state.size()), config.model.codec.state_width,
              "give the state that the demonstrations hold");
  const auto width = static_cast<Eigen::Index>(observation.state.size());
  const Matrix row = Eigen::Map<const Matrix>(observation.state.data(), 1, width);
  require_finite(row, "the robot's state is not finite", "Observation::state");
  return tensor_of(config.states.normalize(row))[0];
}

RoundInputs Controller::Episode::inputs_of(const Observation& observation, const Matrix& executed) const {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(mixed_seed(seed, Stream::rollout, round));
  const CodecConfig& codec = config.model.codec;
  const at::Tensor noise = at::randn({1, config.model.head.chunks * codec.chunk, codec.action_width}, generator);
  return {view_of(canvas), executed_actions(executed), state_of(observation), noise, lookahead.start(), generator};
}

at::Tensor Controller::Episode::predict(const RoundInputs& inputs) {
  const auto alone = [&] { return on_device.run(inputs, on_stage); };
  return seat ? batcher->queue_->run(on_device, inputs, alone) : alone();
}

void Controller::Episode::require_round(const char* where) const {
  require(round > 0, "the policy has seen nothing yet", where, "no call of act", "call Controller::act first");
}

Controller::Controller(std::shared_ptr<const Policy> policy, const ControllerOptions& options)
    : episode_(std::make_unique<Episode>(std::move(policy), options)) {
  require(!options.batcher || options.batcher->policy_ == episode_->policy, "the batcher is that of another policy",
          "ControllerOptions::batcher", "another policy", "give each policy a RoundBatcher of its own");
  wait_for(episode_->weights.device);  // rounds are computed on a stream of their own
}
Controller::~Controller() = default;
Controller::Controller(Controller&&) noexcept = default;

void Controller::reset(const std::string& instruction, uint64_t seed) {
  c10::InferenceMode inference;
  Episode& episode = *episode_;
  const GraphCache::Stream stream(episode.on_device.graphs());
  episode.started = false;  // unless the instruction is one that the policy takes
  episode.on_device.reset(instruction);
  episode.lookahead.clear();
  episode.seed = seed;
  episode.round = 0;
  episode.started = true;
  if (!episode.batcher) return;
  if (!episode.seat) episode.seat.emplace(*episode.batcher->queue_);
  wait_for(episode.weights.device);  // a batch is computed on another stream
}

Matrix Controller::act(const Observation& observation, const Matrix& executed) {
  c10::InferenceMode inference;
  Episode& episode = *episode_;
  require(episode.started, "an episode has not begun", "Controller::act", "no call of reset",
          "call Controller::reset with the instruction first");
  episode.canvas = episode.timed("canvas", [&] { return compose_canvas(observation.views, episode.config.canvas); });
  const RoundInputs inputs = episode.inputs_of(observation, executed);
  episode.started = false;  // unless the round succeeds
  const at::Tensor predicted = episode.predict(inputs);
  ++episode.round;
  const Matrix actions = episode.timed("actions", [&] {
    const at::Tensor plan = episode.lookahead.plan(predicted).narrow(1, 0, episode.policy->chunk_length())[0];
    return episode.config.actions.denormalize(matrix_of(plan));
  });
  require_finite(actions, "the policy predicts actions that are not finite", "Controller::act");
  episode.started = true;
  return actions;
}

const Image& Controller::canvas() const {
  episode_->require_round("Controller::canvas");
  return episode_->canvas;
}

Image Controller::imagine() {
  c10::InferenceMode inference;
  Episode& episode = *episode_;
  episode.require_round("Controller::imagine");
  CausalVae vae = episode.weights.decoder;  // a handle
  require(!vae.is_empty(), "the policy was loaded without what imagining needs", "Controller::imagine",
          "imagines = false", "set PolicyOptions::imagines");
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(
      mixed_seed(episode.seed, Stream::imagination, static_cast<uint64_t>(episode.round)));
  const GraphCache::Stream stream(episode.on_device.graphs());
  const PhysGenModel& model = episode.weights.model;
  at::Tensor latents = FrameGenerator(model->nova, {}, generator).draw(episode.on_device.frame_condition());
  return to_images(values_to_pixels(vae->decode(vae->denormalize(latents)))).front();
}

}  // namespace physgen
