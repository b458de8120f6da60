#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <physgen/backbone/nova.h>
#include <physgen/layers/state_dict.h>
#include <physgen/release/pretrained_config.h>
#include <physgen/text/byte_pair_tokenizer.h>
#include <physgen/vae/causal_vae.h>

namespace physgen {

/// `kind` in the manifest of a pretrained backbone in this project's format: config.json, backbone.safetensors, and
/// where they are there vae.safetensors, text_encoder.safetensors and tokenizer.json.
inline constexpr const char* kPretrainedKind = "pretrained";

/// What the names of folders in the layout of NOVA's releases begin with.
inline constexpr std::string_view kReleasePrefix = "nova:";

/// A pretrained video model as it lies in its files: the tensors share the files' pages, so opening one of gigabytes
/// takes no memory of its own.
struct PretrainedFiles {
  PretrainedConfig config;
  NamedTensors backbone, vae, text_encoder;  ///< empty where the config says there is none
  /// Where these come from, for errors; an index, where there are shards.
  std::filesystem::path backbone_file, vae_file, text_encoder_file;
  std::filesystem::path tokenizer;  ///< tokenizer.json
  bool has_scheduler = true;        ///< without one the objective is taken to be epsilon
  std::vector<std::string> notes;   ///< what the tensors say otherwise than the configs beside them
};

/// Opens a pretrained backbone. Throws ConfigError where there is none, FormatError where files are damaged, missing or
/// of another model.
/// @param name  "nova:DIR" for a release of NOVA (or a folder of its trainer), else a folder of `save_pretrained`
PretrainedFiles open_pretrained(const std::string& name);

/// Whether a name is that of a pretrained backbone: "nova:…", or a folder that holds one.
bool is_pretrained(const std::string& name);

/// Writes a pretrained backbone in this project's format, whole or not at all. Throws Error.
void save_pretrained(const std::filesystem::path& path, const PretrainedFiles& files);

/// The files with every floating-point number in another dtype.
PretrainedFiles with_dtype(PretrainedFiles files, at::ScalarType dtype);

/// A pretrained video model, ready to run and not to be trained: its parameters share the pages of the files that have
/// the dtype already. The text encoder stays in its files' dtype and computes in the given one.
struct Pretrained {
  PretrainedConfig config;
  Nova nova{nullptr};
  CausalVae vae{nullptr};            ///< empty where there is none
  PhiEncoder text_encoder{nullptr};  ///< empty where there is none
  std::optional<BytePairTokenizer> tokenizer = {};
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;

  /// The features of texts, one row a text; an empty text has none. Longer ones are cut to the model's slots.
  /// Throws ConfigError where there is no text encoder and a text is not empty.
  TextFeatures encode(const std::vector<std::string>& texts) const;
};

/// Loads the text encoder and its tokenizer alone: `nova` and `vae` stay empty. Throws as `load_pretrained`.
Pretrained load_text_encoder(const PretrainedFiles& files, at::ScalarType dtype, at::Device device = at::kCPU);

/// Loads what `open_pretrained` opened. Throws FormatError where tensors are not those of the config.
Pretrained load_pretrained(const PretrainedFiles& files, at::ScalarType dtype, at::Device device = at::kCPU);

}  // namespace physgen
