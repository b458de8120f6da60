#pragma once

#include <filesystem>

#include <physgen/vae/causal_vae.h>

namespace physgen {

/// `kind` in the manifest of a VAE.
inline constexpr const char* kVaeKind = "vae";

/// Writes the VAE into an existing directory: config.json and model.safetensors.
void write_vae(const std::filesystem::path& directory, const CausalVae& vae);

/// Writes the VAE as a directory of its own, whole or not at all: what `write_vae` writes and MANIFEST.json. Replaces a
/// directory of that name. Throws Error where the disk refuses.
void save_vae(const std::filesystem::path& directory, const CausalVae& vae);

/// Reads what `save_vae` wrote, on the CPU in float32, or the best that is in a run folder. Throws ConfigError when the
/// directory does not exist, FormatError when it is damaged or holds no VAE.
CausalVae load_vae(const std::filesystem::path& path);

}  // namespace physgen
