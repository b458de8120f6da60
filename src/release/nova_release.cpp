#include "release/nova_release.h"

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "core/json_file.h"
#include "core/quote.h"
#include "files/atomic_file.h"
#include "release/release_config.h"
#include "release/release_weights.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kWeights = "diffusion_pytorch_model";
constexpr uintmax_t kLargestTokenizer = 64 << 20;  // bytes

// NOVA's trainer writes the transformer alone; with more beside it, it is a release that lost its index.
void refuse_lost_index(const fs::path& folder) {
  for (const char* part : {"vae", "text_encoder", "tokenizer", "scheduler"}) {
    if (!fs::exists(folder / part)) continue;
    throw FormatError({.what = "a release lacks its index",
                       .where = (folder / "model_index.json").string(),
                       .got = std::string("no such file, but a folder ") + part,
                       .expected = "the index, or a folder of NOVA's trainer with transformer/ alone",
                       .next_step = "download the whole release"});
  }
}

void check_folder(const fs::path& folder) {
  if (fs::exists(folder / "model_index.json")) return;
  if (fs::exists(folder / "transformer" / "config.json")) return refuse_lost_index(folder);
  throw ConfigError({.what = "there is no NOVA release",
                     .where = std::string(kReleasePrefix).append(folder.string()),
                     .got = folder.empty()       ? "no name behind nova:"
                            : fs::exists(folder) ? "a path without model_index.json"
                                                 : "a path that does not exist",
                     .expected = "a folder with model_index.json, transformer/, vae/ and scheduler/",
                     .next_step = "download a release, such as BAAI/nova-d48w1024-osp480, and name its folder"});
}

void check_component(const JsonView& index, const std::string& key, const std::vector<std::string>& classes) {
  const std::vector<std::string> pair = index.at(key).texts();
  const std::string got = pair.empty() ? "" : pair.back();
  for (const std::string& name : classes) {
    if (got == name) return;
  }
  index.refuse_member(key, quote(got), classes.front());
}

struct Components {
  bool vae = false, text = false, scheduler = false;
};

// What the release says it has; a folder of the trainer has the transformer alone.
Components components_of(const fs::path& folder) {
  const fs::path file = folder / "model_index.json";
  if (!fs::exists(file)) return {};
  const JsonView index = read_json_file(file, kReleaseWords);
  index.at("_class_name").require({"NOVAPipeline"});
  check_component(index, "transformer", {"NOVATransformer3DModel"});
  const Components found{index.has("vae"), index.has("text_encoder"), true};
  check_component(index, "scheduler", {"DDPMScheduler", "FlowMatchEulerDiscreteScheduler"});
  if (found.vae) check_component(index, "vae", {"AutoencoderKLOpenSora", "AutoencoderKL"});
  if (found.text) {
    check_component(index, "text_encoder", {"PhiEncoderModel", "PhiForCausalLM"});
    check_component(index, "tokenizer", {"CodeGenTokenizerFast", "CodeGenTokenizer"});
  }
  return found;
}

void open_vae(const fs::path& folder, PretrainedFiles& files) {
  files.config.vae = read_vae_config(folder / "vae" / "config.json");
  ReleaseWeights weights = load_weights({folder / "vae", kWeights, "VAE", {"model."}}, files.notes);
  rename_attention(weights);
  files.vae = std::move(weights.tensors);
  files.vae_file = weights.file;
}

void open_text(const fs::path& folder, PretrainedFiles& files) {
  files.config.text_encoder = read_phi_config(folder / "text_encoder" / "config.json");
  ReleaseWeights weights = load_weights({folder / "text_encoder", "model", "text encoder"}, files.notes);
  take_encoder(weights);
  files.text_encoder = std::move(weights.tensors);
  files.text_encoder_file = weights.file;
  files.tokenizer = folder / "tokenizer" / "tokenizer.json";
  if (fs::is_regular_file(files.tokenizer) && fs::file_size(files.tokenizer) <= kLargestTokenizer) return;
  throw FormatError({.what = "a release lacks its tokenizer",
                     .where = files.tokenizer.string(),
                     .got = fs::exists(files.tokenizer) ? "more than 64 MiB" : "no such file",
                     .next_step = "download the whole release"});
}

void write_weights(const fs::path& folder, const std::string& name, const NamedTensors& tensors,
                   const std::string& config) {
  fs::create_directories(folder);
  write_file_atomically(folder / "config.json", config);
  save_tensors((folder / (name + ".safetensors")).string(), tensors, {{"format", "pt"}});
}

NamedTensors with_model_prefix(const NamedTensors& tensors) {
  NamedTensors prefixed;
  for (const auto& [name, tensor] : tensors) prefixed.emplace_back("model." + name, tensor);
  return prefixed;
}

// The layout does not tell everything that ours does.
void require_same_config(PretrainedConfig wanted, const PretrainedConfig& written) {
  wanted.backbone.time_frames = written.backbone.time_frames;  // of policies only
  wanted.backbone.motion_tokens = written.backbone.motion_tokens;
  if (!wanted.has_vae) wanted.vae = written.vae;
  if (!wanted.has_text_encoder) wanted.text_encoder = written.text_encoder;
  if (write_config(wanted) == write_config(written)) return;
  throw ConfigError({.what = "this model cannot be told in the layout of NOVA's releases",
                     .where = "config.json",
                     .got = write_config(wanted),
                     .expected = write_config(written)});
}

}  // namespace

PretrainedFiles open_nova_release(const fs::path& folder) {
  check_folder(folder);
  const Components has = components_of(folder);
  PretrainedFiles files;
  ReleaseWeights weights = load_weights({folder / "transformer", kWeights, "transformer", {"model."}}, files.notes);
  files.config.backbone = read_transformer_config(folder / "transformer" / "config.json", weights, files.notes);
  files.backbone = std::move(weights.tensors);
  files.backbone_file = weights.file;
  files.config.has_vae = has.vae;
  files.config.has_text_encoder = has.text;
  files.has_scheduler = has.scheduler;
  if (has.scheduler) read_scheduler_config(folder / "scheduler" / "scheduler_config.json", files.config.backbone);
  if (has.vae) open_vae(folder, files);
  if (has.text) open_text(folder, files);
  blaming_the_file([&] { check_sizes(files.config, folder.string()); });
  return files;
}

void save_nova_release(const fs::path& folder, const PretrainedFiles& files) {
  AtomicDirectory whole(folder);
  const fs::path& path = whole.path();
  const PretrainedConfig& config = files.config;
  write_weights(path / "transformer", kWeights, files.backbone, transformer_config_text(config));
  fs::create_directories(path / "scheduler");
  write_file_atomically(path / "scheduler" / "scheduler_config.json", scheduler_config_text(config.backbone));
  if (config.has_vae) write_weights(path / "vae", kWeights, files.vae, vae_config_text(config));
  if (config.has_text_encoder) {
    write_weights(path / "text_encoder", "model", with_model_prefix(files.text_encoder),
                  phi_config_text(config.text_encoder));
    fs::create_directories(path / "tokenizer");
    fs::copy_file(files.tokenizer, path / "tokenizer" / "tokenizer.json");
    write_file_atomically(path / "tokenizer" / "tokenizer_config.json", tokenizer_config_text());
  }
  write_file_atomically(path / "model_index.json", model_index_text(config));
  require_same_config(config, open_nova_release(path).config);
  whole.commit();
}

}  // namespace physgen
