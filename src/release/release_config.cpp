#include "release/release_config.h"

#include <algorithm>
#include <array>
#include <regex>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

#include "core/json_file.h"
#include "core/quote.h"

namespace physgen {
namespace {

constexpr int64_t kMost = 1 << 20;

constexpr auto kNovaParts = std::to_array<std::string_view>(
    {"video_encoder", "image_encoder", "image_decoder", "mask_embed", "text_embed", "video_pos_embed", "motion_embed"});

// vit_d16w1024, mlp_d3w1280; sizes that NOVA does not know name their heads: vit_d2w64h2.
struct Architecture {
  int64_t depth = 0, width = 0, heads = 0;
};

Architecture parse_architecture(const JsonView& json, const std::string& text, const std::string& family) {
  static const std::regex pattern("([a-z]+)_d([1-9][0-9]{0,2})w([1-9][0-9]{0,4})(?:h([1-9][0-9]{0,2}))?");
  constexpr size_t kLongest = 32;  // the library's matcher takes stack for each character
  std::smatch parts;
  if (text.size() > kLongest || !std::regex_match(text, parts, pattern) || parts[1] != family) {
    json.refuse_member("arch", quote(text), family + "_d<depth>w<width>");
  }
  Architecture found{std::stoll(parts[2]), std::stoll(parts[3]), 0};
  found.heads = parts[4].matched ? std::stoll(parts[4]) : published_heads(found.width);
  if (family == "vit" && found.heads == 0) {
    json.refuse_member("arch", quote(text), "a width of 768, 1024 or 1536, or the heads as vit_d16w512h8");
  }
  return found;
}

const at::Tensor* find(const NamedTensors& tensors, const std::string& name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](auto& item) { return item.first == name; });
  return found == tensors.end() ? nullptr : &found->second;
}

bool has_prefix(const NamedTensors& tensors, const std::string& prefix) {
  return std::any_of(tensors.begin(), tensors.end(), [&](auto& item) { return item.first.starts_with(prefix); });
}

int64_t mixer_rank_of(const NamedTensors& tensors) {
  if (find(tensors, "video_encoder.mixer.proj.weight") == nullptr) return 0;
  const at::Tensor* bottleneck = find(tensors, "video_encoder.mixer.lora.weight");
  return bottleneck == nullptr || bottleneck->dim() != 2 ? -1 : bottleneck->size(0);
}

void note_difference(std::vector<std::string>& notes, const std::string& what, const std::string& tensors,
                     const std::string& config) {
  if (tensors != config) notes.push_back(what + ": " + tensors + " in the tensors, " + config + " in config.json");
}

std::string yes_or_no(bool value) { return value ? "yes" : "no"; }

/// A list of `count` sizes.
std::vector<int64_t> sizes_of(const JsonView& json, const std::string& key, size_t count) {
  const JsonView list = json.at(key);
  const std::vector<int64_t> sizes = list.integers(1, kMost);
  if (sizes.size() != count) list.refuse(std::to_string(sizes.size()) + " sizes", std::to_string(count));
  return sizes;
}

void read_from_tensors(const JsonView& json, const NamedTensors& tensors, NovaConfig& config,
                       std::vector<std::string>& notes) {
  config.mixer_rank = mixer_rank_of(tensors);
  note_difference(notes, "rank of the mixer", std::to_string(config.mixer_rank),
                  std::to_string(json.integer_or("video_mixer_rank", 0, -kMost, kMost)));
  const bool absolute = has_prefix(tensors, "video_pos_embed.");
  config.position = absolute ? Position::absolute : Position::rope;
  note_difference(notes, "rotary positions", yes_or_no(!absolute), yes_or_no(json.flag_or("rotary_pos_embed", false)));
  config.motion_embed = config.motion_tokens = has_prefix(tensors, "motion_embed.");
  note_difference(notes, "motion embedding", yes_or_no(config.motion_embed),
                  yes_or_no(sizes_of(json, "video_base_size", 3)[0] > 1));
  const at::Tensor* table = find(tensors, "text_embed.weight");
  if (table != nullptr && table->dim() == 2) config.text_rows = table->size(0);
}

std::vector<int64_t> image_size_of(const JsonView& json) {
  if (!json.at("image_size").value().is_number()) return sizes_of(json, "image_size", 2);
  return std::vector<int64_t>(2, json.at("image_size").integer(1, kMost));
}

// Tensors that no NOVA model has, whatever its sizes.
std::vector<std::string> foreign_names(const NamedTensors& tensors) {
  std::vector<std::string> foreign;
  for (const auto& [name, tensor] : tensors) {
    const std::string part = name.substr(0, name.find('.'));
    if (std::ranges::find(kNovaParts, part) == kNovaParts.end()) foreign.push_back(name);
  }
  return foreign;
}

// The last block of a part must be there, before anything of the config's size is built.
void require_block(const JsonView& json, const ReleaseWeights& weights, const std::string& part,
                   const std::string& norm, const Architecture& size) {
  const std::string name = part + ".blocks." + std::to_string(size.depth - 1) + "." + norm + ".weight";
  const at::Tensor* last = find(weights.tensors, name);
  if (last != nullptr && last->dim() == 1 && last->size(0) == size.width) return;
  TensorDifferences wrong{.unexpected = foreign_names(weights.tensors)};
  if (last == nullptr) wrong.missing.push_back(name);
  if (last != nullptr) wrong.mis_shaped.push_back(mis_shaped(name, last->sizes(), {size.width}));
  throw FormatError(
      {.what = "the tensors are not those of the model in the config",
       .where = weights.file.string(),
       .got = first_differences(wrong),
       .expected = "those of " + comma_separated(json.at("arch").texts()) + ", the \"arch\" of " + json.where(),
       .next_step =
           wrong.unexpected.empty() ? "use the config.json that was written with these weights" : kSaveThisModel});
}

void check_grids(const JsonView& json, const NovaConfig& config) {
  const auto grid = [](int64_t rows, int64_t columns) {
    return std::string("[").append(std::to_string(rows)).append(", ").append(std::to_string(columns)).append("]");
  };
  const std::vector<int64_t> image = sizes_of(json, "image_base_size", 2), video = sizes_of(json, "video_base_size", 3);
  const std::string image_grid = grid(config.image_rows(), config.image_columns());
  const std::string video_grid = grid(config.video_rows(), config.video_columns());
  if (grid(image[0], image[1]) != image_grid)
    json.refuse_member("image_base_size", grid(image[0], image[1]), image_grid);
  if (grid(video[1], video[2]) != video_grid)
    json.refuse_member("video_base_size", grid(video[1], video[2]), video_grid);
}

}  // namespace

NovaConfig read_transformer_config(const std::filesystem::path& file, const ReleaseWeights& weights,
                                   std::vector<std::string>& notes) {
  const JsonView json = read_json_file(file, kReleaseWords);
  json.at("_class_name").require({"NOVATransformer3DModel"});
  if (!json.has("text_token_dim"))
    json.refuse_member("text_token_dim", "none: a class-conditional model", "a text model");
  const std::vector<std::string> arch = json.at("arch").texts();
  if (arch.size() != 3) json.refuse_member("arch", std::to_string(arch.size()) + " names", "3");
  const Architecture video = parse_architecture(json, arch[0], "vit"), image = parse_architecture(json, arch[1], "vit");
  const Architecture decoder = parse_architecture(json, arch[2], "mlp");
  if (video.width != image.width || video.heads != image.heads)
    json.refuse_member("arch", arch[1], "the width of " + arch[0]);
  require_block(json, weights, "video_encoder", "norm1", video);
  require_block(json, weights, "image_encoder", "norm1", image);
  require_block(json, weights, "image_decoder", "norm2", decoder);
  const int64_t stride = json.at("image_stride").integer(1, 64);
  const std::vector<int64_t> size = image_size_of(json), video_base = sizes_of(json, "video_base_size", 3);
  NovaConfig config{.width = video.width,
                    .heads = video.heads,
                    .video_depth = video.depth,
                    .image_depth = image.depth,
                    .decoder_width = decoder.width,
                    .decoder_depth = decoder.depth,
                    .latent_channels = json.at("image_dim").integer(1, 1024),
                    .latent_height = size[0] / stride,
                    .latent_width = size[1] / stride,
                    .image_patch = 15 / stride + 1,
                    .text_width = json.at("text_token_dim").integer(1, kMost),
                    .text_slots = json.at("text_token_len").integer(1, kMost),
                    .time_base = static_cast<double>(video_base[0])};
  read_from_tensors(json, weights.tensors, config, notes);
  blaming_the_file([&] { check_sizes(config, file.string()); });
  check_grids(json, config);
  return config;
}

void read_scheduler_config(const std::filesystem::path& file, NovaConfig& config) {
  const JsonView json = read_json_file(file, kReleaseWords);
  const JsonView name = json.at("_class_name");
  name.require({"DDPMScheduler", "FlowMatchEulerDiscreteScheduler"});
  json.require_if_there("num_train_timesteps", {1000});
  if (name.text() == "FlowMatchEulerDiscreteScheduler") {
    for (const char* key : {"use_dynamic_shifting", "use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas",
                            "invert_sigmas", "stochastic_sampling"}) {
      json.require_if_there(key, {false});
    }
    json.require_if_there("shift_terminal", {nullptr});
    config.objective = Objective::flow_matching;
    config.flow_shift = json.number_or("shift", 1, 1e-3, 1000);
    return;
  }
  json.at("beta_schedule").require({"squaredcos_cap_v2"});
  json.require_if_there("prediction_type", {"epsilon"});
  json.require_if_there("timestep_spacing", {"leading"});
  json.require_if_there("variance_type", {"fixed_small"});
  for (const char* key : {"thresholding", "rescale_betas_zero_snr"}) json.require_if_there(key, {false});
  json.at("clip_sample").require({false});
  json.require_if_there("trained_betas", {nullptr});
  config.objective = Objective::epsilon;
  config.steps_offset = json.integer_or("steps_offset", 0, 0, 1);
}

VaeConfig read_vae_config(const std::filesystem::path& file) {
  const JsonView json = read_json_file(file, kReleaseWords);
  const JsonView name = json.at("_class_name");
  name.require({"AutoencoderKLOpenSora", "AutoencoderKL"});
  const bool video = name.text() == "AutoencoderKLOpenSora";
  VaeConfig config{.widths = json.at("block_out_channels").integers(1, kMost),
                   .layers_per_block = json.integer_or("layers_per_block", 2, 1, 16),
                   .norm_groups = json.integer_or("norm_num_groups", 32, 1, 1024),
                   .latent_channels = json.integer_or("latent_channels", 16, 1, 256),
                   .time_taps = video ? 3 : 0,
                   .tile_latents = video ? 5 : 0,
                   .scaling_factor = json.number_or("scaling_factor", 0.18215, 1e-6, 1e6)};
  config.decoder_layers_per_block = config.layers_per_block + 1;
  if (video) {
    const std::vector<std::string> down = json.at("down_block_types").texts(), up = json.at("up_block_types").texts();
    const std::vector<std::string> two(2, "DownEncoderBlock2D");
    const bool known =
        config.widths.size() == 4 && down.size() == 4 && up.size() == 4 &&
        std::equal(two.begin(), two.end(), down.begin()) && down[2].find("Block3D") != std::string::npos &&
        down[3] == down[2] &&
        std::all_of(up.begin(), up.end(), [](auto& t) { return t.find("Block3D") != std::string::npos; });
    if (!known) json.refuse_member("down_block_types", "other blocks", "2D, 2D, 3D, 3D down and four 3D up");
  }
  json.require_if_there("act_fn", {"silu"});
  for (const char* key : {"use_quant_conv", "use_post_quant_conv", "double_z"}) json.require_if_there(key, {true});
  if (const double shift = json.number_or("shift_factor", 0, -1e6, 1e6); shift != 0) {
    config.latent_mean.assign(config.latent_channels, shift);
    config.latent_deviation.assign(config.latent_channels, 1 / config.scaling_factor);
  }
  blaming_the_file([&] { check(config); });
  return config;
}

PhiConfig read_phi_config(const std::filesystem::path& file) {
  const JsonView json = read_json_file(file, kReleaseWords);
  json.require_if_there("model_type", {"phi"});
  const PhiConfig config{.vocabulary = json.integer_or("vocab_size", 51200, 1, 1 << 24),
                         .width = json.at("hidden_size").integer(1, 1 << 16),
                         .hidden = json.at("intermediate_size").integer(1, kMost),
                         .depth = json.at("num_hidden_layers").integer(1, 1024),
                         .heads = json.at("num_attention_heads").integer(1, 1024),
                         .rotary_share = json.number_or("partial_rotary_factor", 0.5, 0, 1),
                         .rope_theta = json.number_or("rope_theta", 10000, 1, 1e12),
                         .norm_eps = json.number_or("layer_norm_eps", 1e-5, 0, 1)};
  json.require_if_there("hidden_act", {"gelu_new", "gelu_pytorch_tanh"});
  json.require_if_there("num_key_value_heads", {config.heads});
  json.require_if_there("qk_layernorm", {false});
  blaming_the_file([&] { check_sizes(config, file.string()); });
  return config;
}

}  // namespace physgen
