#include <physgen/policy/policy_checkpoint.h>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>

#include "files/atomic_file.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.json";
constexpr const char* kModelName = "model.safetensors";
constexpr const char* kVaeName = "vae.safetensors";

[[noreturn]] void refuse_missing(const fs::path& path) {
  const bool is_run = fs::is_directory(path / "best");
  throw ConfigError({.what = "there is no policy checkpoint",
                     .where = path.string(),
                     .got = is_run             ? "the folder of a training run"
                            : fs::exists(path) ? "a path without " + std::string(kManifestName)
                                               : "a path that does not exist",
                     .expected = "a directory with config.json, model.safetensors and vae.safetensors",
                     .next_step = is_run ? "use " + (path / "best").string() : ""});
}

void verify(const fs::path& path) {
  recover_directory(path);
  if (!fs::exists(path / kManifestName) && !fs::exists(path / kConfigName)) refuse_missing(path);
  verify_manifest(path, kPolicyKind);
  for (const char* name : {kConfigName, kModelName, kVaeName}) {
    if (!fs::exists(path / name))
      throw FormatError({.what = "a checkpoint lacks a file", .where = (path / name).string()});
  }
}

// What a user wrote wrong in a config of their own is damage in a file of ours.
PolicyConfig read_config(const fs::path& path) {
  return blaming_the_file([&] {
    const auto config = ConfigDocument::load((path / kConfigName).string()).read<PolicyConfig>();
    check_sizes(config, (path / kConfigName).string());
    return config;
  });
}

// Adapters that a config does not say, or says otherwise, would load as another policy, or not at all.
void check_adapters(const AdapterConfig& adapter, const NamedTensors& model) {
  int64_t rank = 0;
  for (const auto& [name, tensor] : model) {
    if (name.ends_with("lora_a")) rank = tensor.size(0);
  }
  if (rank == adapter.rank) return;
  throw ConfigError({.what = "the config says other adapters than the model has",
                     .where = "adapter.rank",
                     .got = std::to_string(adapter.rank),
                     .expected = std::to_string(rank),
                     .next_step = "set PolicyConfig::adapter to what prepare_training was given, or merge_adapters"});
}

}  // namespace

void write_policy_files(const fs::path& directory, const PolicyConfig& config, const NamedTensors& model,
                        const NamedTensors& vae) {
  write_file_atomically(directory / kConfigName, write_config(config));
  save_tensors((directory / kModelName).string(), model);
  save_tensors((directory / kVaeName).string(), vae);
}

void save_policy(const fs::path& path, const PolicyConfig& config, const NamedTensors& model, const NamedTensors& vae) {
  check_sizes(config, "policy");
  check_adapters(config.adapter, model);
  AtomicDirectory directory(path);
  write_policy_files(directory.path(), config, model, vae);
  write_manifest(directory.path(), kPolicyKind);
  directory.commit();
}

LoadedPolicy load_policy(const fs::path& path) {
  LoadedPolicy policy{.config = read_policy_config(path)};
  policy.model = PhysGenModel(policy.config.model);
  const AdapterConfig& adapter = policy.config.adapter;
  if (adapter.rank > 0) prepare_training(policy.model, TrainMode::lora, adapter.rank, adapter.alpha);
  policy.vae = CausalVae(policy.config.vae);
  const std::string model_file = (path / kModelName).string();
  const std::string vae_file = (path / kVaeName).string();
  load_state_dict(*policy.model, load_tensors(model_file), model_file);
  load_state_dict(*policy.vae, load_tensors(vae_file), vae_file);
  policy.model->eval();
  policy.vae->eval();
  return policy;
}

PolicyConfig read_policy_config(const fs::path& path) {
  verify(path);
  return read_config(path);
}

}  // namespace physgen
