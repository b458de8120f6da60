#include <physgen/policy/checkpoint_summary.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>
#include <physgen/policy/policy_checkpoint.h>

#include "core/strict_json.h"
#include "files/safetensors.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using json = nlohmann::ordered_json;

// "nova.video_encoder.blocks.0.…" -> "nova.video_encoder"; the backbone is most of a policy.
std::string part_of(const std::string& tensor) {
  const size_t dot = tensor.find('.');
  const std::string first = tensor.substr(0, dot);
  return first == "nova" && dot != std::string::npos ? tensor.substr(0, tensor.find('.', dot + 1)) : first;
}

void add_parts(const fs::path& file, const std::string& prefix, std::vector<PartSize>& parts) {
  const SafetensorsFile tensors = SafetensorsFile::open(file);
  for (const TensorEntry& entry : tensors.entries()) {
    const std::string name = prefix + part_of(entry.name);
    auto part = std::find_if(parts.begin(), parts.end(), [&](const PartSize& known) { return known.name == name; });
    if (part == parts.end()) part = parts.insert(parts.end(), {name, 0});
    part->parameters += std::accumulate(entry.shape.begin(), entry.shape.end(), int64_t{1}, std::multiplies<>());
  }
  std::sort(parts.begin(), parts.end(), [](auto& a, auto& b) { return a.name < b.name; });
}

CheckpointSummary summarize_file(const fs::path& path) {
  CheckpointSummary summary{.path = path.string(), .kind = "tensors"};
  summary.bytes = static_cast<int64_t>(fs::file_size(path));
  add_parts(path, "", summary.parts);
  return summary;
}

void refuse_other_paths(const fs::path& path) {
  const bool is_run = fs::exists(path / "job.json");
  if (!is_run && (fs::exists(path / kManifestName) || fs::is_regular_file(path))) return;
  throw ConfigError({.what = "there is no checkpoint",
                     .where = path.string(),
                     .got = is_run             ? "the folder of a training run"
                            : fs::exists(path) ? "a folder without " + std::string(kManifestName)
                                               : "a path that does not exist",
                     .expected = "a policy, a VAE or a .safetensors file",
                     .next_step = is_run ? "look at " + (path / "best").string() + " or one of its step-N" : ""});
}

std::string millions(int64_t count) {
  std::ostringstream text;
  text.precision(2);
  text << std::fixed << static_cast<double>(count) / 1e6 << " M";
  return text.str();
}

int64_t parameters_of(const CheckpointSummary& summary) {
  int64_t total = 0;
  for (const PartSize& part : summary.parts) total += part.parameters;
  return total;
}

std::string adapter_text(const AdapterConfig& adapter) {
  return adapter.rank == 0 ? "none" : "rank " + std::to_string(adapter.rank);
}

std::string policy_text(const PolicyConfig& policy) {
  const CodecConfig& codec = policy.model.codec;
  std::ostringstream text;
  text << "step: " << policy.step << "\ntasks: " << comma_separated(policy.tasks)
       << "\ninstructions: " << comma_separated(policy.instructions)
       << "\ncameras: " << comma_separated(policy.canvas.cameras) << " on " << policy.canvas.height << " x "
       << policy.canvas.width << "\ncontrol mode: " << policy.control_mode << ", " << codec.action_width
       << " numbers an action, chunks of " << codec.chunk
       << "\nrobot: " << (policy.robot.empty() ? "not known" : policy.robot) << ", " << policy.frames_per_second
       << " control steps a second\nwindow: " << policy.model.packs << " packs of " << policy.model.layout().pack()
       << " tokens\nadapters: " << adapter_text(policy.adapter) << "\n";
  return text.str();
}

}  // namespace

CheckpointSummary summarize_checkpoint(const fs::path& path) {
  refuse_other_paths(path);
  if (fs::is_regular_file(path)) return summarize_file(path);
  const Manifest manifest = verify_manifest(path);
  CheckpointSummary summary{.path = path.string(), .kind = manifest.kind, .files = manifest.files};
  const bool is_policy = manifest.kind == kPolicyKind;
  if (is_policy) summary.policy = read_policy_config(path);
  for (const ManifestFile& file : manifest.files) {
    summary.bytes += file.size;
    if (file.name == "training.safetensors") summary.can_resume = true;
    const std::string& name = file.name;
    if (name == "model.safetensors" || name == "backbone.safetensors") add_parts(path / name, "", summary.parts);
    if (name == "vae.safetensors") add_parts(path / name, manifest.kind == "vae" ? "" : "vae.", summary.parts);
    if (name == "text_encoder.safetensors") add_parts(path / name, "text_encoder.", summary.parts);
  }
  return summary;
}

std::string to_text(const CheckpointSummary& summary) {
  std::string text = summary.path + ": " + summary.kind + ", " + millions(summary.bytes) + "B, " +
                     millions(parameters_of(summary)) + " parameters" +
                     (summary.can_resume ? ", can be resumed from" : "") + "\n";
  if (summary.policy) text += policy_text(*summary.policy);
  for (const PartSize& part : summary.parts) text += "  " + part.name + ": " + std::to_string(part.parameters) + "\n";
  return text;
}

std::string to_json(const CheckpointSummary& summary) {
  json root = {{"path", summary.path},
               {"kind", summary.kind},
               {"can_resume", summary.can_resume},
               {"bytes", summary.bytes},
               {"parameters", parameters_of(summary)}};
  for (const PartSize& part : summary.parts) root["parts"][part.name] = part.parameters;
  for (const ManifestFile& file : summary.files) {
    root["files"].push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  if (summary.policy) root["config"] = parse_ordered_json(write_config(*summary.policy), summary.path);
  return root.dump(2);
}

}  // namespace physgen
