#pragma once

#include <physgen/backbone/nova_config.h>
#include <physgen/text/phi_encoder.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// config.json of a pretrained backbone.
struct PretrainedConfig {
  NovaConfig backbone;
  bool has_vae = true;
  VaeConfig vae;
  bool has_text_encoder = true;  ///< and its tokenizer
  PhiConfig text_encoder;
};

template <class Field>
void describe(PretrainedConfig& config, Field& field) {
  field("backbone", config.backbone);
  field("has_vae", config.has_vae);
  field("vae", config.vae);
  field("has_text_encoder", config.has_text_encoder);
  field("text_encoder", config.text_encoder);
}

/// Throws ConfigError when parts do not go together. @param where  the config's name, for errors
void check_sizes(const PretrainedConfig& config, const std::string& where);

}  // namespace physgen
