#include <physgen/release/pretrained.h>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>

#include "device/weight_memory.h"
#include "files/atomic_file.h"
#include "release/nova_release.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.json";
constexpr const char* kBackboneName = "backbone.safetensors";
constexpr const char* kVaeName = "vae.safetensors";
constexpr const char* kTextName = "text_encoder.safetensors";
constexpr const char* kTokenizerName = "tokenizer.json";

void verify(const fs::path& path) {
  recover_directory(path);
  const bool is_release = fs::exists(path / "model_index.json") || fs::exists(path / "transformer");
  if (is_release || !fs::exists(path / kManifestName)) {
    throw ConfigError({.what = "there is no pretrained backbone",
                       .where = path.string(),
                       .got = is_release         ? "a release of NOVA"
                              : fs::exists(path) ? "a path without " + std::string(kManifestName)
                                                 : "a path that does not exist",
                       .expected = "a folder that `physgen convert` wrote, or nova:FOLDER",
                       .next_step = is_release ? "use nova:" + path.string() : ""});
  }
  verify_manifest(path, kPretrainedKind);
}

PretrainedConfig read_config(const fs::path& file) {
  return blaming_the_file([&] {
    const auto config = ConfigDocument::load(file.string()).read<PretrainedConfig>();
    check_sizes(config, file.string());
    return config;
  });
}

PretrainedFiles open_own(const fs::path& path) {
  verify(path);
  PretrainedFiles files;
  files.config = read_config(path / kConfigName);
  files.backbone_file = path / kBackboneName;
  files.vae_file = path / kVaeName;
  files.text_encoder_file = path / kTextName;
  files.backbone = load_tensors(files.backbone_file.string());
  if (files.config.has_vae) files.vae = load_tensors(files.vae_file.string());
  if (files.config.has_text_encoder) {
    files.text_encoder = load_tensors(files.text_encoder_file.string());
    files.tokenizer = path / kTokenizerName;
  }
  return files;
}

// The hidden states of one text in the first slots. @return how many
int64_t encode_one(const Pretrained& model, const std::string& text, const at::Tensor& slots) {
  // NOLINTNEXTLINE(bugprone-unchecked-optional-access): a model with a text encoder has a tokenizer
  std::vector<int64_t> ids = model.tokenizer->encode(text);
  const auto length = std::min<int64_t>(static_cast<int64_t>(ids.size()), slots.size(0));
  if (length == 0) return 0;
  ids.resize(static_cast<size_t>(length));
  slots.narrow(0, 0, length).copy_(model.text_encoder->forward(ids, model.dtype));
  return length;
}

int64_t bytes_of(const PretrainedFiles& files, at::ScalarType dtype) {
  int64_t numbers = 0;
  for (const NamedTensors* tensors : {&files.backbone, &files.text_encoder, &files.vae}) {
    for (const auto& [name, tensor] : *tensors) numbers += tensor.numel();
  }
  return numbers * static_cast<int64_t>(c10::elementSize(dtype));
}

Pretrained load_all(const PretrainedFiles& files, at::ScalarType dtype, at::Device device) {
  const auto moved = [&](const NamedTensors& tensors) {
    NamedTensors there = with_dtype(tensors, dtype);
    for (auto& [name, tensor] : there) tensor = tensor.to(device);
    return there;
  };
  Pretrained model = load_text_encoder(files, dtype, device);
  model.nova = Nova(files.config.backbone);
  adopt_state_dict(*model.nova, moved(files.backbone), files.backbone_file.string());
  model.nova->eval();
  if (!files.config.has_vae) return model;
  require_same_tensors(state_dict(*CausalVae(files.config.vae, at::kMeta)), files.vae, files.vae_file.string());
  model.vae = CausalVae(files.config.vae);
  adopt_state_dict(*model.vae, moved(files.vae), files.vae_file.string());
  return model;
}

}  // namespace

void check_sizes(const PretrainedConfig& config, const std::string& where) {
  const auto require = [&](const std::string& what, int64_t got, int64_t expected) {
    if (got == expected) return;
    throw ConfigError({.what = "the parts of a pretrained backbone do not go together",
                       .where = where + ": " + what,
                       .got = std::to_string(got),
                       .expected = std::to_string(expected) + ", as the transformer has"});
  };
  check_sizes(config.backbone, where + ": backbone");
  if (config.has_vae) {
    check(config.vae);
    require("channels of the VAE's latents", config.vae.latent_channels, config.backbone.latent_channels);
  }
  if (!config.has_text_encoder) return;
  check_sizes(config.text_encoder, where + ": text_encoder");
  require("width of the text encoder", config.text_encoder.width, config.backbone.text_width);
}

// A folder of NOVA's without the prefix counts, too: opening it says what to write.
bool is_pretrained(const std::string& name) {
  const fs::path path = name;
  return name.starts_with(kReleasePrefix) || fs::exists(path / kBackboneName) ||
         fs::exists(path / "model_index.json") || fs::exists(path / "transformer");
}

PretrainedFiles open_pretrained(const std::string& name) {
  if (name.starts_with(kReleasePrefix)) return open_nova_release(name.substr(kReleasePrefix.size()));
  return open_own(name);
}

void save_pretrained(const fs::path& path, const PretrainedFiles& files) {
  AtomicDirectory whole(path);
  write_file_atomically(whole.path() / kConfigName, write_config(files.config));
  save_tensors((whole.path() / kBackboneName).string(), files.backbone);
  if (files.config.has_vae) save_tensors((whole.path() / kVaeName).string(), files.vae);
  if (files.config.has_text_encoder) {
    save_tensors((whole.path() / kTextName).string(), files.text_encoder);
    fs::copy_file(files.tokenizer, whole.path() / kTokenizerName);
  }
  write_manifest(whole.path(), kPretrainedKind);
  whole.commit();
}

PretrainedFiles with_dtype(PretrainedFiles files, at::ScalarType dtype) {
  for (NamedTensors* tensors : {&files.backbone, &files.vae, &files.text_encoder})
    *tensors = with_dtype(*tensors, dtype);
  return files;
}

TextFeatures Pretrained::encode(const std::vector<std::string>& texts) const {
  const bool silent = std::all_of(texts.begin(), texts.end(), [](const std::string& text) { return text.empty(); });
  if (silent) return {};
  if (!tokenizer) {
    throw ConfigError({.what = "this model has no text encoder",
                       .where = "the prompt",
                       .got = texts.front(),
                       .expected = "no text",
                       .next_step = "leave the prompt out, or use a release with text_encoder/ and tokenizer/"});
  }
  const torch::NoGradGuard no_grad;
  const auto count = static_cast<int64_t>(texts.size()), slots = config.backbone.text_slots;
  const at::TensorOptions options = at::TensorOptions(dtype).device(device);
  TextFeatures features{at::zeros({count, slots, config.text_encoder.width}, options),
                        at::zeros({count, slots}, options.dtype(at::kBool))};
  for (int64_t i = 0; i < count; ++i) {
    features.used[i].narrow(0, 0, encode_one(*this, texts[i], features.values[i])).fill_(true);
  }
  return features;
}

Pretrained load_text_encoder(const PretrainedFiles& files, at::ScalarType dtype, at::Device device) {
  Pretrained model{.config = files.config, .dtype = dtype, .device = device};
  if (!files.config.has_text_encoder) return model;
  const PhiConfig& phi = files.config.text_encoder;
  model.tokenizer = BytePairTokenizer::load(files.tokenizer);
  if (model.tokenizer->vocabulary_size() > phi.vocabulary) {
    throw FormatError({.what = "the tokenizer is of another model than the text encoder",
                       .where = files.tokenizer.string(),
                       .got = std::to_string(model.tokenizer->vocabulary_size()) + " tokens",
                       .expected = "at most " + std::to_string(phi.vocabulary)});
  }
  model.text_encoder = PhiEncoder(phi);
  adopt_state_dict(*model.text_encoder, files.text_encoder, files.text_encoder_file.string());
  if (!device.is_cpu()) model.text_encoder->to(device, dtype);
  return model;
}

Pretrained load_pretrained(const PretrainedFiles& files, at::ScalarType dtype, at::Device device) {
  return with_memory(device, bytes_of(files, dtype), smaller_than(dtype),
                     [&] { return load_all(files, dtype, device); });
}

}  // namespace physgen
