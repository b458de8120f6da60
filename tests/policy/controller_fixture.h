#pragma once

#include <physgen/media/image.h>
#include <physgen/policy/policy_checkpoint.h>

#include "support/tiny_model.h"

namespace physgen {

/// Noise of the canvas's size.
inline Image picture(uint64_t seed) {
  const at::Tensor pixels = at::randint(256, {16, 16, 3}, generator(seed), at::kByte);
  const uint8_t* data = pixels.const_data_ptr<uint8_t>();
  return {16, 16, {data, data + pixels.numel()}};
}

/// A policy of this config with random weights.
inline void save_random_policy(const std::filesystem::path& path, const PolicyConfig& config) {
  PhysGenModel model = make_model(config.model);
  CausalVae vae(config.vae);
  initialize(*vae, generator(5));
  save_policy(path, config, state_dict(*model), state_dict(*vae));
}

}  // namespace physgen
