#include <physgen/backbone/convert.h>

#include <torch/torch.h>

#include <physgen/backbone/nova_release.h>
#include <physgen/backbone/pretrained.h>
#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

namespace physgen {
namespace {

constexpr std::string_view kRelease = "nova:";
constexpr std::string_view kDtypeNames[] = {"float32", "float16", "bfloat16"};
constexpr at::ScalarType kDtypes[] = {at::kFloat, at::kHalf, at::kBFloat16};

std::string dtype_name(at::ScalarType type) {
  const auto found = std::find(std::begin(kDtypes), std::end(kDtypes), type);
  return found == std::end(kDtypes) ? std::string(c10::toString(type))
                                    : std::string(kDtypeNames[found - std::begin(kDtypes)]);
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
  if (files.config.has_vae) summary.parts.push_back(part_of("vae", files.vae));
  if (files.config.has_text_encoder) summary.parts.push_back(part_of("text_encoder", files.text_encoder));
  return summary;
}

// Names and shapes against those of the built modules, which hold no memory on this device.
void check_tensors(const torch::nn::Module& module, const NamedTensors& tensors, const std::string& what) {
  require_same_tensors(state_dict(module), tensors, what);
}

void check_tensors(const PretrainedFiles& files, const std::string& name) {
  check_tensors(*Nova(files.config.backbone), files.backbone, name + ": transformer");
  if (files.config.has_vae) check_tensors(*CausalVae(files.config.vae, at::kMeta), files.vae, name + ": vae");
  if (!files.config.has_text_encoder) return;
  check_tensors(*PhiEncoder(files.config.text_encoder), files.text_encoder, name + ": text_encoder");
  BytePairTokenizer::load(files.tokenizer);
}

PretrainedFiles open_checked(const std::string& name) {
  PretrainedFiles files = open_pretrained(name);
  check_tensors(files, name);
  return files;
}

void add_parts(PretrainedFiles& files, const PretrainedFiles& others) {
  if (!files.config.has_vae && others.config.has_vae) {
    files.config.has_vae = true;
    files.config.vae = others.config.vae;
    files.vae = others.vae;
  }
  if (!files.config.has_text_encoder && others.config.has_text_encoder) {
    files.config.has_text_encoder = true;
    files.config.text_encoder = others.config.text_encoder;
    files.text_encoder = others.text_encoder;
    files.tokenizer = others.tokenizer;
  }
  files.config.backbone.objective = others.config.backbone.objective;  // the scheduler is the release's, too
  files.config.backbone.flow_shift = others.config.backbone.flow_shift;
  files.config.backbone.steps_offset = others.config.backbone.steps_offset;
}

void refuse_same(const std::string& from, const std::string& to) {
  const auto folder = [](const std::string& name) {
    return std::filesystem::weakly_canonical(name.starts_with(kRelease) ? name.substr(kRelease.size()) : name);
  };
  if (folder(from) != folder(to)) return;
  throw ConfigError({.what = "a checkpoint cannot be converted onto itself",
                     .where = to,
                     .got = "the folder that is read",
                     .expected = "another folder"});
}

}  // namespace

PretrainedSummary describe_pretrained(const std::string& name) { return summary_of(open_checked(name)); }

PretrainedSummary convert_pretrained(const std::string& from, const std::string& to, const std::string& dtype,
                                     const std::string& parts_of) {
  refuse_same(from, to);
  PretrainedFiles files = open_checked(from);
  if (!parts_of.empty()) add_parts(files, open_checked(parts_of));
  if (!dtype.empty()) {
    files = with_dtype(std::move(files), kDtypes[choice_of(dtype, kDtypeNames, "there is no such dtype", "--dtype")]);
  }
  if (to.starts_with(kRelease)) {
    save_nova_release(to.substr(kRelease.size()), files);
  } else {
    save_pretrained(to, files);
  }
  return summary_of(files);
}

}  // namespace physgen
