#include <physgen/release/convert.h>

#include <torch/torch.h>

#include <cmath>

#include <physgen/core/choice.h>
#include <physgen/core/error.h>
#include <physgen/release/pretrained.h>

#include "release/nova_release.h"

namespace physgen {
namespace {

constexpr auto kDtypes = std::to_array<Choice<at::ScalarType>>(
    {{at::kFloat, "float32"}, {at::kHalf, "float16"}, {at::kBFloat16, "bfloat16"}});

std::string dtype_name(at::ScalarType type) {
  const std::string_view name = text_of(type, kDtypes);
  return std::string(name.empty() ? c10::toString(type) : name);
}

PretrainedPart part_of(const std::string& name, const NamedTensors& tensors) {
  PretrainedPart part{.name = name, .tensors = static_cast<int64_t>(tensors.size())};
  for (const auto& [tensor_name, tensor] : tensors) {
    const std::string dtype = dtype_name(tensor.scalar_type());
    part.parameters += tensor.numel();
    part.dtype = part.dtype.empty() || part.dtype == dtype ? dtype : "mixed";
  }
  return part;
}

PretrainedSummary summary_of(const PretrainedFiles& files) {
  PretrainedSummary summary{
      .parts = {part_of("transformer", files.backbone)}, .notes = files.notes, .config = write_config(files.config)};
  if (!files.has_scheduler) summary.notes.push_back("there is no scheduler: DDPM with the cosine schedule is taken");
  if (files.config.has_vae) summary.parts.push_back(part_of("vae", files.vae));
  if (files.config.has_text_encoder) summary.parts.push_back(part_of("text_encoder", files.text_encoder));
  return summary;
}

// Names and shapes against those of the built modules, whose memory is not touched.
void check_tensors(const PretrainedFiles& files) {
  require_same_tensors(state_dict(*Nova(files.config.backbone)), files.backbone, files.backbone_file.string());
  if (files.config.has_vae) {
    require_same_tensors(state_dict(*CausalVae(files.config.vae, at::kMeta)), files.vae, files.vae_file.string());
  }
  load_text_encoder(files, at::kFloat);
}

PretrainedFiles open_checked(const std::string& name) {
  PretrainedFiles files = open_pretrained(name);
  check_tensors(files);
  return files;
}

void require_finite(const NamedTensors& tensors, const std::string& where) {
  for (const auto& [name, tensor] : tensors) {
    if (tensor.numel() == 0 || !tensor.is_floating_point()) continue;
    const auto [least, greatest] = at::aminmax(tensor);
    if (std::isfinite(least.item<double>()) && std::isfinite(greatest.item<double>())) continue;
    throw FormatError({.what = "a tensor holds numbers that are not finite",
                       .where = std::string(where).append(": ").append(name),
                       .got = std::to_string(least.item<double>()) + " to " + std::to_string(greatest.item<double>()),
                       .expected = "finite numbers",
                       .next_step = "download it anew, or convert it to a dtype that holds its numbers"});
  }
}

void require_finite(const PretrainedFiles& files, const std::string& where) {
  require_finite(files.backbone, where + ": transformer");
  require_finite(files.vae, where + ": vae");
  require_finite(files.text_encoder, where + ": text_encoder");
}

void add_parts(PretrainedFiles& files, const PretrainedFiles& others) {
  if (!files.config.has_vae && others.config.has_vae) {
    files.config.has_vae = true;
    files.config.vae = others.config.vae;
    files.vae = others.vae;
    files.vae_file = others.vae_file;
  }
  if (!files.config.has_text_encoder && others.config.has_text_encoder) {
    files.config.has_text_encoder = true;
    files.config.text_encoder = others.config.text_encoder;
    files.text_encoder = others.text_encoder;
    files.text_encoder_file = others.text_encoder_file;
    files.tokenizer = others.tokenizer;
  }
  if (!files.has_scheduler && others.has_scheduler) {
    files.has_scheduler = true;
    files.config.backbone.objective = others.config.backbone.objective;
    files.config.backbone.flow_shift = others.config.backbone.flow_shift;
    files.config.backbone.steps_offset = others.config.backbone.steps_offset;
  }
  check_sizes(files.config, "the two together");
}

// What is there is never replaced: it might be what is read, or hold it.
void check_target(const std::filesystem::path& to) {
  if (to.empty()) {
    throw ConfigError({.what = "there is no name to write to", .where = "to", .expected = "a folder, or nova:FOLDER"});
  }
  if (!std::filesystem::exists(to) || std::filesystem::is_empty(to)) return;
  throw ConfigError({.what = "the output is there already",
                     .where = to.string(),
                     .got = "a folder that is not empty, or a file",
                     .expected = "a path that does not exist",
                     .next_step = "name another path, or remove this one"});
}

}  // namespace

PretrainedSummary describe_pretrained(const std::string& name) { return summary_of(open_checked(name)); }

PretrainedSummary convert_pretrained(const std::string& from, const std::string& to, const std::string& dtype,
                                     const std::string& parts_of) {
  const bool release = to.starts_with(kReleasePrefix);
  const std::filesystem::path folder = release ? to.substr(kReleasePrefix.size()) : to;
  check_target(folder);
  PretrainedFiles files = open_checked(from);
  if (!parts_of.empty()) add_parts(files, open_checked(parts_of));
  if (!dtype.empty()) {
    files = with_dtype(std::move(files), choice_of(dtype, kDtypes, "there is no such dtype", "--dtype"));
  }
  require_finite(files, from);
  if (release) {
    save_nova_release(folder, files);
  } else {
    save_pretrained(folder, files);
  }
  return summary_of(files);
}

}  // namespace physgen
