#include "vae/vae_checkpoint.h"

#include <physgen/core/config.h>
#include <physgen/core/error.h>
#include <physgen/files/manifest.h>
#include <physgen/layers/state_dict.h>

#include "files/atomic_file.h"

namespace physgen {
namespace {

constexpr const char* kConfigName = "config.json";
constexpr const char* kTensorsName = "model.safetensors";

/// A config.json that does not fit is the file's fault, not what the user wrote.
VaeConfig read_vae_config(const std::filesystem::path& path) {
  return blaming_the_file([&] {
    const auto config = ConfigDocument::load(path.string()).read(VaeConfig{});
    check(config);
    return config;
  });
}

// A run folder stands for the best of its checkpoints.
std::filesystem::path checkpoint_in(const std::filesystem::path& path) {
  const bool is_run = std::filesystem::exists(path / "best") && !std::filesystem::exists(path / kManifestName);
  return is_run ? path / "best" : path;
}

}  // namespace

void write_vae(const std::filesystem::path& directory, const CausalVae& vae) {
  write_file_atomically(directory / kConfigName, write_config(vae->config));
  save_tensors((directory / kTensorsName).string(), state_dict(*vae));
}

void save_vae(const std::filesystem::path& directory, const CausalVae& vae) {
  AtomicDirectory whole(directory);
  write_vae(whole.path(), vae);
  write_manifest(whole.path(), kVaeKind);
  whole.commit();
}

CausalVae load_vae(const std::filesystem::path& path) {
  const std::filesystem::path directory = checkpoint_in(path);
  recover_directory(directory);
  const Manifest manifest = verify_manifest(directory);
  if (manifest.kind != kVaeKind) {
    throw FormatError({.what = "the directory holds something else than a VAE",
                       .where = directory.string(),
                       .got = "a directory of kind \"" + manifest.kind + "\"",
                       .expected = "\"vae\"",
                       .next_step = "name a directory that `physgen train-vae` wrote"});
  }
  CausalVae vae(read_vae_config(directory / kConfigName));
  const std::string tensors = (directory / kTensorsName).string();
  load_state_dict(*vae, load_tensors(tensors), tensors);
  return vae;
}

}  // namespace physgen
