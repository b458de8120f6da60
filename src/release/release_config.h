#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <physgen/layers/state_dict.h>
#include <physgen/release/pretrained_config.h>

#include "core/json_view.h"
#include "release/release_weights.h"

namespace physgen {

inline constexpr JsonWords kReleaseWords = {.damaged = "a config says what this library does not read",
                                            .missing = "a file of the release is not there or no config",
                                            .expected = "a JSON file",
                                            .next_step = "download a whole release that this library reads"};

/// The configs of a NOVA release as this library's. Each throws FormatError naming the file and the key for what is not
/// of a NOVA model.

/// @param weights  of the transformer: they decide on the mixer, rotary positions and the motion embedding, and are
///                 blamed where they lack a block that the config names
/// @param notes    gets a line for each that the config says otherwise
NovaConfig read_transformer_config(const std::filesystem::path& file, const ReleaseWeights& weights,
                                   std::vector<std::string>& notes);
void read_scheduler_config(const std::filesystem::path& file, NovaConfig& config);
VaeConfig read_vae_config(const std::filesystem::path& file);
PhiConfig read_phi_config(const std::filesystem::path& file);

/// Heads of the encoders that NOVA has of a width; 0: it has none.
int64_t published_heads(int64_t width);

/// The other way: the texts of the config files.
std::string transformer_config_text(const PretrainedConfig& config);
std::string scheduler_config_text(const NovaConfig& config);
std::string vae_config_text(const PretrainedConfig& config);
std::string phi_config_text(const PhiConfig& config);
std::string model_index_text(const PretrainedConfig& config);
std::string tokenizer_config_text();

}  // namespace physgen
