#include "train/starting_policy.h"

#include <algorithm>
#include <cmath>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>
#include <physgen/layers/initialization.h>
#include <physgen/release/pretrained.h>

#include "core/random.h"
#include "vae/vae_checkpoint.h"

namespace physgen {
namespace {

at::Generator weight_generator(int64_t seed, uint64_t index) {
  return at::detail::createCPUGenerator(mixed_seed(static_cast<uint64_t>(seed), Stream::weights, index));
}

[[noreturn]] void refuse_difference(const std::string& what, const FinetuneJob& job, const std::string& got,
                                    const std::string& expected, const std::string& cure = "") {
  throw ConfigError({.what = what + " differs from the checkpoint's",
                     .where = job.init,
                     .got = got,
                     .expected = expected,
                     .next_step = (cure.empty() ? "use demonstrations like those it was trained on" : cure) +
                                  ", or start without --init"});
}

// A model's shapes depend on the widths, and what its tokens mean on the rest.
void check_like(const PolicyConfig& checkpoint, const FinetuneJob& job, const DemonstrationSet& set) {
  const DemonstrationDataset& data = set.dataset;
  const CodecConfig& codec = checkpoint.model.codec;
  if (data.action_width() != codec.action_width) {
    refuse_difference("the action width", job, std::to_string(data.action_width()), std::to_string(codec.action_width));
  }
  if (codec.state_token && data.state_width() != codec.state_width) {
    refuse_difference("the state width", job, std::to_string(data.state_width()), std::to_string(codec.state_width));
  }
  const std::string& control_mode = set.episodes.front().info.control_mode;
  if (control_mode != checkpoint.control_mode) {
    refuse_difference("the control mode", job, control_mode, checkpoint.control_mode,
                      "pass --set control_mode=" + checkpoint.control_mode);
  }
  if (!job.cameras.empty() && job.cameras != checkpoint.canvas.cameras) {
    refuse_difference("the camera", job, comma_separated(job.cameras), comma_separated(checkpoint.canvas.cameras));
  }
}

void take_data(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets, PolicyConfig& checkpoint) {
  check_like(checkpoint, job, sets.front());
  describe_data(sets, job.config.normalization, checkpoint);
}

LoadedPolicy from_checkpoint(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets) {
  LoadedPolicy policy = load_policy(job.init);
  take_data(job, sets, policy.config);
  if (policy.config.adapter.rank > 0) {
    merge_adapters(policy.model);
    prepare_training(policy.model, TrainMode::full, 0, 0);
    policy.config.adapter.rank = 0;
  }
  return policy;
}

int64_t agreed_width(const std::string& name, int64_t configured, int64_t found) {
  if (configured == 0 || configured == found) return found;
  throw ConfigError({.what = "the data are of another width than the config says",
                     .where = name,
                     .got = std::to_string(found) + " in the data",
                     .expected = std::to_string(configured),
                     .next_step = "set it to 0 to take it from the data"});
}

PolicyConfig config_from_nothing(const FinetuneJob& job, const DemonstrationDataset& data, const VaeConfig& vae) {
  PolicyConfig config{.model = job.config.model, .vae = vae, .canvas = job.config.canvas};
  if (!job.cameras.empty()) config.canvas.cameras = job.cameras;
  CodecConfig& codec = config.model.codec;
  codec.action_width = agreed_width("model.codec.action_width", codec.action_width, data.action_width());
  codec.state_width = agreed_width("model.codec.state_width", codec.state_width, data.state_width());
  if (codec.stem_views == 0) codec.stem_views = static_cast<int64_t>(config.canvas.cameras.size());
  return config;
}

CausalVae vae_of(const FinetuneJob& job) {
  if (!job.vae.empty()) return load_vae(job.vae);
  throw ConfigError({.what = "a policy that starts from nothing needs a VAE",
                     .where = "--vae",
                     .got = "neither --vae nor --init",
                     .expected = "a VAE checkpoint",
                     .next_step = "train one with `physgen train-vae` and pass --vae RUN"});
}

PolicyConfig config_around(const VaeConfig& vae, const FinetuneJob& job, const std::vector<DemonstrationSet>& sets) {
  PolicyConfig config = config_from_nothing(job, sets.front().dataset, vae);
  describe_data(sets, job.config.normalization, config);
  check_sizes(config, "config");
  return config;
}

LoadedPolicy from_nothing(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets) {
  LoadedPolicy policy;
  policy.vae = vae_of(job);
  policy.config = config_around(policy.vae->config, job, sets);
  policy.model = PhysGenModel(policy.config.model);
  initialize(*policy.model, weight_generator(job.config.seed, 0));
  return policy;
}

[[noreturn]] void refuse_pretrained(const FinetuneJob& job, const std::string& part, const std::string& cure) {
  throw ConfigError({.what = "a policy cannot start from this backbone",
                     .where = job.init,
                     .got = "no " + part,
                     .expected = "a release with one",
                     .next_step = cure});
}

// The sizes, and with them the canvas, are the backbone's; the head, the codec and how times are stretched the run's.
void take_backbone(const PretrainedConfig& pretrained, PolicyConfig& config) {
  NovaConfig& backbone = config.model.backbone;
  const double time_frames = backbone.time_frames;
  backbone = pretrained.backbone;
  backbone.time_frames = time_frames;
  backbone.motion_tokens = false;  // a robot's video has no flow to ask for
  config.canvas.height = backbone.latent_height * config.vae.stride();
  config.canvas.width = backbone.latent_width * config.vae.stride();
}

// All but what the release's text encoder says.
PolicyConfig config_from_pretrained(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets,
                                    const PretrainedFiles& files) {
  if (!files.config.has_vae) refuse_pretrained(job, "VAE", "add one with `physgen convert --parts-of nova:RELEASE`");
  PolicyConfig config = config_from_nothing(job, sets.front().dataset, files.config.vae);
  take_backbone(files.config, config);
  describe_data(sets, job.config.normalization, config);
  return config;
}

// Whether the release's text encoder reads the instructions.
bool reads_instructions(const FinetuneJob& job, const PretrainedFiles& files) {
  if (job.config.model.text_encoder == TextEncoder::none) return false;
  if (!files.config.has_text_encoder) refuse_pretrained(job, "text encoder", "pass --set model.text_encoder=none");
  return true;
}

// What the release's text encoder says of the instructions, [texts, longest, width].
at::Tensor encode_instructions(const FinetuneJob& job, const PretrainedFiles& files, PolicyConfig& config) {
  if (!reads_instructions(job, files)) return {};
  const TextFeatures features = load_text_encoder(files, at::kFloat).encode(config.instructions);
  config.model.text_encoder = TextEncoder::table;
  config.model.text_table = config.instructions;
  config.model.text_lengths.clear();
  if (!features.values.defined()) {  // nothing but empty instructions
    config.model.text_lengths.assign(config.instructions.size(), 0);
    return {};
  }
  const at::Tensor lengths = features.used.sum(1);
  for (int64_t i = 0; i < lengths.size(0); ++i) config.model.text_lengths.push_back(lengths[i].item<int64_t>());
  return features.values.narrow(1, 0, lengths.max().item<int64_t>());
}

LoadedPolicy from_pretrained(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets,
                             const std::function<void(const std::string&)>& note) {
  const PretrainedFiles files = open_pretrained(job.init);
  if (note) std::for_each(files.notes.begin(), files.notes.end(), note);
  LoadedPolicy policy;
  policy.config = config_from_pretrained(job, sets, files);
  const at::Tensor features = encode_instructions(job, files, policy.config);
  check_sizes(policy.config, "config");
  policy.vae = CausalVae(files.config.vae);
  load_state_dict(*policy.vae, files.vae, files.vae_file.string());
  policy.model = PhysGenModel(policy.config.model);
  initialize(*policy.model, weight_generator(job.config.seed, 0));
  load_state_dict(*policy.model->nova, files.backbone, files.backbone_file.string());
  if (policy.model->text_table) policy.model->text_table->values.zero_();
  if (features.defined()) policy.model->text_table->values.copy_(features);
  policy.model->eval();
  policy.vae->eval();
  return policy;
}

// As `encode_instructions` writes it, from the tokenizer alone.
void count_instructions(const FinetuneJob& job, const PretrainedFiles& files, PolicyConfig& config) {
  if (!reads_instructions(job, files)) return;
  const BytePairTokenizer tokenizer = BytePairTokenizer::load(files.tokenizer);
  config.model.text_encoder = TextEncoder::table;
  config.model.text_table = config.instructions;
  config.model.text_lengths.clear();
  for (const std::string& instruction : config.instructions) {
    const auto tokens = static_cast<int64_t>(tokenizer.encode(instruction).size());
    config.model.text_lengths.push_back(std::min(tokens, config.model.backbone.text_slots));
  }
}

PolicyConfig config_of_start(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets) {
  if (job.init.empty()) return config_around(vae_of(job)->config, job, sets);
  if (!is_pretrained(job.init)) {
    PolicyConfig config = read_policy_config(job.init);
    take_data(job, sets, config);
    return config;
  }
  const PretrainedFiles files = open_pretrained(job.init);
  PolicyConfig config = config_from_pretrained(job, sets, files);
  count_instructions(job, files, config);
  check_sizes(config, "config");
  return config;
}

// Adapters begin as PyTorch's: A uniform, B zero; here drawn from the run's seed.
void attach_adapters(LoadedPolicy& policy, const FinetuneConfig& config) {
  policy.config.adapter = {config.lora_rank, config.lora_alpha};
  prepare_training(policy.model, TrainMode::lora, config.lora_rank, config.lora_alpha);
  const at::NoGradGuard no_gradient;
  at::Generator generator = weight_generator(config.seed, 1);
  for (auto& item : policy.model->named_parameters()) {
    if (!item.key().ends_with("lora_a")) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(item.value().size(1)));
    item.value().uniform_(-bound, bound, generator);
  }
}

}  // namespace

LoadedPolicy starting_policy(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets,
                             const std::function<void(const std::string&)>& note) {
  LoadedPolicy policy = job.init.empty()          ? from_nothing(job, sets)
                        : is_pretrained(job.init) ? from_pretrained(job, sets, note)
                                                  : from_checkpoint(job, sets);
  policy.config.step = 0;
  policy.model->encode_text(policy.config.instructions);  // refuses one that is too long
  if (job.init.empty()) return policy;                    // nothing to keep frozen
  if (job.config.mode == TrainMode::lora) attach_adapters(policy, job.config);
  if (job.config.mode == TrainMode::heads) prepare_training(policy.model, TrainMode::heads, 0, 0);
  return policy;
}

PolicyConfig starting_config(const FinetuneJob& job, const std::vector<DemonstrationSet>& sets) {
  PolicyConfig config = config_of_start(job, sets);
  config.step = 0;
  config.adapter = {};
  if (starting_mode(job) == TrainMode::lora) config.adapter = {job.config.lora_rank, job.config.lora_alpha};
  return config;
}

TrainMode starting_mode(const FinetuneJob& job) { return job.init.empty() ? TrainMode::full : job.config.mode; }

void continue_policy(LoadedPolicy& policy, const FinetuneJob& job, const std::vector<DemonstrationSet>& sets) {
  PolicyConfig described = policy.config;
  describe_data(sets, job.config.normalization, described);
  if (write_config(described) != write_config(policy.config)) {
    throw ConfigError({.what = "the demonstrations are not those that the run began with",
                       .where = sets.front().files.front(),
                       .got = "another size of frames, control mode, instruction or range of actions",
                       .expected = "what config.json of the run's checkpoint says",
                       .next_step = "pass the run's own --data, or start another run"});
  }
  const bool from_nothing = job.init.empty();
  if (!from_nothing && job.config.mode == TrainMode::heads) prepare_training(policy.model, TrainMode::heads, 0, 0);
}

}  // namespace physgen
