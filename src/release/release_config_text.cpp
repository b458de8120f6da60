#include <nlohmann/json.hpp>

#include "release/release_config.h"

namespace physgen {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) { return json.dump(2) + "\n"; }

std::string architecture(const std::string& family, int64_t depth, int64_t width, int64_t heads = 0) {
  const bool published = heads == 0 || heads == published_heads(width);
  std::string name = family;
  name.append("_d").append(std::to_string(depth)).append("w").append(std::to_string(width));
  if (!published) name.append("h").append(std::to_string(heads));
  return name;
}

}  // namespace

int64_t published_heads(int64_t width) {
  if (width == 768) return 12;
  return width == 1024 || width == 1536 ? 16 : 0;
}

std::string transformer_config_text(const PretrainedConfig& config) {
  const NovaConfig& nova = config.backbone;
  const int64_t stride = config.has_vae ? config.vae.stride() : 16 / nova.image_patch;
  const auto time = nova.motion_embed ? static_cast<int64_t>(nova.time_base) : 1;
  Json json = {{"_class_name", "NOVATransformer3DModel"},
               {"arch", Json::array({architecture("vit", nova.video_depth, nova.width, nova.heads),
                                     architecture("vit", nova.image_depth, nova.width, nova.heads),
                                     architecture("mlp", nova.decoder_depth, nova.decoder_width)})},
               {"image_base_size", Json::array({nova.image_rows(), nova.image_columns()})},
               {"image_dim", nova.latent_channels},
               {"image_size", Json::array({nova.latent_height * stride, nova.latent_width * stride})},
               {"image_stride", stride},
               {"rotary_pos_embed", nova.position == Position::rope},
               {"text_token_dim", nova.text_width},
               {"text_token_len", nova.text_slots},
               {"video_base_size", Json::array({time, nova.video_rows(), nova.video_columns()})},
               {"video_mixer_rank", nullptr}};
  if (nova.mixer_rank != 0) json["video_mixer_rank"] = nova.mixer_rank;
  return text_of(json);
}

std::string scheduler_config_text(const NovaConfig& config) {
  if (config.objective == Objective::flow_matching) {
    return text_of({{"_class_name", "FlowMatchEulerDiscreteScheduler"},
                    {"num_train_timesteps", 1000},
                    {"shift", config.flow_shift}});
  }
  return text_of({{"_class_name", "DDPMScheduler"},
                  {"beta_schedule", "squaredcos_cap_v2"},
                  {"clip_sample", false},
                  {"num_train_timesteps", 1000},
                  {"steps_offset", config.steps_offset}});
}

std::string vae_config_text(const PretrainedConfig& config) {
  const VaeConfig& vae = config.vae;
  const bool video = vae.time_taps > 0;
  Json down = Json::array(), up = Json::array();
  for (size_t level = 0; level < vae.widths.size(); ++level) {
    down.push_back(video && level > 1 ? "DownEncoderBlock3D" : "DownEncoderBlock2D");
    up.push_back(video ? "UpDecoderBlock3D" : "UpDecoderBlock2D");
  }
  Json json = {{"_class_name", video ? "AutoencoderKLOpenSora" : "AutoencoderKL"},
               {"act_fn", "silu"},
               {"block_out_channels", vae.widths},
               {"down_block_types", down},
               {"in_channels", 3},
               {"latent_channels", vae.latent_channels},
               {"layers_per_block", vae.layers_per_block},
               {"norm_num_groups", vae.norm_groups},
               {"out_channels", 3},
               {"sample_size", config.backbone.latent_height * vae.stride()},
               {"scaling_factor", vae.latent_mean.empty() ? vae.scaling_factor : 1 / vae.latent_deviation[0]},
               {"up_block_types", up}};
  if (!vae.latent_mean.empty()) json["shift_factor"] = vae.latent_mean[0];
  return text_of(json);
}

std::string phi_config_text(const PhiConfig& config) {
  return text_of({{"architectures", Json::array({"PhiEncoderModel"})},
                  {"bos_token_id", 50256},
                  {"eos_token_id", 50256},
                  {"hidden_act", "gelu_pytorch_tanh"},
                  {"hidden_size", config.width},
                  {"intermediate_size", config.hidden},
                  {"layer_norm_eps", config.norm_eps},
                  {"max_position_embeddings", 2048},
                  {"model_type", "phi"},
                  {"num_attention_heads", config.heads},
                  {"num_hidden_layers", config.depth},
                  {"num_key_value_heads", config.heads},
                  {"partial_rotary_factor", config.rotary_share},
                  {"rope_theta", config.rope_theta},
                  {"vocab_size", config.vocabulary}});
}

std::string model_index_text(const PretrainedConfig& config) {
  const bool flow = config.backbone.objective == Objective::flow_matching;
  Json json = {{"_class_name", "NOVAPipeline"},
               {"scheduler", Json::array({"diffusers", flow ? "FlowMatchEulerDiscreteScheduler" : "DDPMScheduler"})},
               {"transformer", Json::array({"__transformer__", "NOVATransformer3DModel"})}};
  if (config.has_text_encoder) {
    json["text_encoder"] = Json::array({"__text_encoder__", "PhiEncoderModel"});
    json["tokenizer"] = Json::array({"transformers", "CodeGenTokenizerFast"});
  }
  if (config.has_vae) {
    json["vae"] = Json::array({"__vae__", config.vae.time_taps > 0 ? "AutoencoderKLOpenSora" : "AutoencoderKL"});
  }
  return text_of(json);
}

std::string tokenizer_config_text() {
  return text_of({{"add_prefix_space", false},
                  {"bos_token", "<|endoftext|>"},
                  {"eos_token", "<|endoftext|>"},
                  {"model_max_length", 2048},
                  {"pad_token", "<|endoftext|>"},
                  {"padding_side", "right"},
                  {"tokenizer_class", "CodeGenTokenizer"},
                  {"unk_token", "<|endoftext|>"}});
}

}  // namespace physgen
