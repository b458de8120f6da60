#include <physgen/release/nova_release.h>

#include <algorithm>
#include <map>
#include <set>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/files/atomic_file.h>

#include "core/json_file.h"
#include "core/quote.h"
#include "release/release_config.h"

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

[[noreturn]] void refuse_missing(const fs::path& folder, const std::string& name) {
  throw FormatError({.what = "a release lacks its weights",
                     .where = folder.string(),
                     .got = "no such file",
                     .expected = name + ".safetensors, its .index.json with shards, or .bin",
                     .next_step = "download the whole release"});
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

// The tensors of every shard that an index names; each must lie where the index says.
NamedTensors load_shards(const fs::path& index) {
  const JsonView json = read_json_file(index, kReleaseWords);
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, shard] : json.at("weight_map").members()) {
    if (!is_plain_name(shard.text())) shard.refuse("a file name");
    shards[shard.text()].emplace(tensor);
  }
  NamedTensors tensors;
  for (const auto& [shard, names] : shards) {
    const fs::path file = index.parent_path() / shard;
    if (!fs::exists(file)) {
      throw FormatError(
          {.what = "a shard of the weights is missing",
           .where = file.string(),
           .expected = std::to_string(names.size()) + " tensors, as " + index.filename().string() + " says",
           .next_step = "download the whole release"});
    }
    NamedTensors found = load_tensors(file.string());
    std::set<std::string> there;
    for (const auto& [name, tensor] : found) there.insert(name);
    if (there != names) {
      throw FormatError({.what = "a shard holds other tensors than the index says",
                         .where = file.string(),
                         .got = std::to_string(there.size()) + " tensors",
                         .expected = std::to_string(names.size()) + " of " + index.filename().string()});
    }
    tensors.insert(tensors.end(), found.begin(), found.end());
  }
  return tensors;
}

NamedTensors load_weights(const fs::path& folder, const std::string& name) {
  for (const std::string& whole : {name + ".safetensors", std::string("pytorch_model.bin"), name + ".bin"}) {
    if (fs::exists(folder / whole)) return load_tensors((folder / whole).string());
  }
  const fs::path index = folder / (name + ".safetensors.index.json");
  if (!fs::exists(index)) refuse_missing(folder, name);
  return load_shards(index);
}

// The tensors without what a trainer's wrappers put before the names of all of them: DistributedDataParallel's
// "module.", torch.compile's "_orig_mod.", and whatever else is given.
NamedTensors unwrapped(NamedTensors tensors, std::vector<std::string> wrappers, const std::string& part,
                       std::vector<std::string>& notes) {
  wrappers.insert(wrappers.end(), {"module.", "_orig_mod."});
  const auto shared = [&](const std::string& wrapper) {
    return !tensors.empty() &&
           std::ranges::all_of(tensors, [&](const auto& item) { return item.first.starts_with(wrapper); });
  };
  for (auto found = std::ranges::find_if(wrappers, shared); found != wrappers.end();
       found = std::ranges::find_if(wrappers, shared)) {
    notes.push_back("the tensors of the " + part + " all begin with \"" + *found + "\", which is left out");
    tensors = with_prefix(tensors, *found);
  }
  return tensors;
}

// Older files of the VAE call its attention by other names.
NamedTensors with_attention_names(const NamedTensors& tensors) {
  static const std::pair<std::string, std::string> names[] = {
      {".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}};
  NamedTensors renamed = tensors;
  for (auto& [name, tensor] : renamed) {
    for (const auto& [old_name, new_name] : names) {
      const size_t at = name.find(old_name);
      if (at != std::string::npos) name.replace(at, old_name.size(), new_name);
    }
  }
  return renamed;
}

// Phi's tensors without the prefix "model." and without `lm_head`, which an encoder does not use.
NamedTensors encoder_tensors(const NamedTensors& tensors, const fs::path& folder) {
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with("model.") || name.starts_with("lm_head.")) continue;
    throw FormatError({.what = "the text encoder is of another model",
                       .where = folder.string(),
                       .got = "a tensor named " + name,
                       .expected = "Phi's: model.embed_tokens.weight, model.layers.0.…"});
  }
  return with_prefix(tensors, "model.");
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

void open_text(const fs::path& folder, PretrainedFiles& files) {
  files.config.text_encoder = read_phi_config(folder / "text_encoder" / "config.json");
  files.text_encoder =
      encoder_tensors(unwrapped(load_weights(folder / "text_encoder", "model"), {}, "text encoder", files.notes),
                      folder / "text_encoder");
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
  files.backbone = unwrapped(load_weights(folder / "transformer", kWeights), {"model."}, "transformer", files.notes);
  files.config.backbone = read_transformer_config(folder / "transformer" / "config.json", files.backbone, files.notes);
  files.config.has_vae = has.vae;
  files.config.has_text_encoder = has.text;
  files.has_scheduler = has.scheduler;
  if (has.scheduler) read_scheduler_config(folder / "scheduler" / "scheduler_config.json", files.config.backbone);
  if (has.vae) {
    files.config.vae = read_vae_config(folder / "vae" / "config.json");
    files.vae = with_attention_names(unwrapped(load_weights(folder / "vae", kWeights), {"model."}, "VAE", files.notes));
  }
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
