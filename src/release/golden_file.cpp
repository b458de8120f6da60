#include "release/golden_file.h"

#include <cmath>
#include <sstream>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "files/safetensors.h"

namespace physgen {
namespace {

constexpr const char* kFormat = "physgen-golden-1";
constexpr JsonWords kWords = {
    .damaged = "a golden file does not say what is needed",
    .next_step = "make it with scripts/reference/make_golden.py, together with the checkpoint"};

// How near is near enough: |a - b| <= absolute + relative |b| everywhere, or for whole generations the cosine.
struct Tolerance {
  const char* prefix;
  double relative, absolute, cosine;
};

// Single modules first, then what many layers or reductions stand behind. The first prefix that fits counts.
constexpr Tolerance kTolerances[] = {{"tokenizer.", 0, 0, 0},
                                     {"scheduler.sampled", 1e-5, 1e-5, 0},
                                     {"scheduler.", 1e-6, 1e-6, 0},
                                     {"text_encoder.", 1e-3, 1e-4, 0},
                                     {"transformer.loss", 1e-3, 5e-4, 0},
                                     {"transformer.gradient.", 1e-3, 5e-4, 0},
                                     {"transformer.", 1e-4, 1e-5, 0},
                                     {"vae.", 1e-3, 1e-4, 0},
                                     {"generate.", 0, 0, 0.9999}};

const Tolerance& tolerance_of(const std::string& name) {
  for (const Tolerance& tolerance : kTolerances) {
    if (name.starts_with(tolerance.prefix)) return tolerance;
  }
  return kTolerances[0];
}

std::string text_of(const Tolerance& tolerance) {
  std::ostringstream text;
  if (tolerance.cosine > 0) {
    text << "cosine " << tolerance.cosine;
  } else {
    text << "rtol " << tolerance.relative << " atol " << tolerance.absolute;
  }
  return text.str();
}

double largest(const at::Tensor& x) { return x.numel() == 0 ? 0 : x.abs().max().item<double>(); }

double cosine_of(const at::Tensor& a, const at::Tensor& b) {
  const double norms = a.norm().item<double>() * b.norm().item<double>();
  return norms == 0 ? (a.norm().item<double>() == b.norm().item<double>() ? 1 : 0) : a.dot(b).item<double>() / norms;
}

}  // namespace

GoldenFile::GoldenFile(const std::filesystem::path& path, at::Device device,
                       std::function<void(const GoldenComparison&)> on_comparison)
    : path_(path.string()),
      metadata_(SafetensorsFile::open(path).metadata()),
      on_comparison_(std::move(on_comparison)) {
  if (metadata_["format"] != kFormat) refuse("format", "\"" + metadata_["format"] + "\"", kFormat);
  for (auto& [name, tensor] : load_tensors(path_)) {
    tensors_[name] = name.starts_with("input.") ? tensor.to(device) : tensor;
  }
}

const at::Tensor& GoldenFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) refuse(name, "no such tensor", "an input of what the file says was computed");
  return found->second;
}

JsonView GoldenFile::metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) refuse(key, "nothing", "an entry of the metadata");
  return parse_json(found->second, path_ + ", metadata " + key, kWords);
}

void GoldenFile::refuse(const std::string& where, const std::string& got, const std::string& expected) const {
  throw FormatError({.what = kWords.damaged,
                     .where = path_ + ": " + where,
                     .got = got,
                     .expected = expected,
                     .next_step = kWords.next_step});
}

void GoldenFile::compare(const std::string& name, const at::Tensor& values) {
  if (!has(name)) return;
  const at::Tensor wanted = at(name).to(at::kDouble).flatten(),
                   got = values.detach().to(at::kCPU, at::kDouble).flatten();
  if (values.numel() != wanted.numel() && name.starts_with("tokenizer.")) {
    return report(
        {.name = name, .absolute = INFINITY, .relative = INFINITY, .cosine = 0, .tolerance = "another length"});
  }
  if (values.numel() != wanted.numel()) {
    refuse(name, shape_text(at(name).sizes()), shape_text(values.sizes()) + ", as the model gives");
  }
  const Tolerance& tolerance = tolerance_of(name);
  const at::Tensor difference = (got - wanted).abs();
  GoldenComparison result{.name = name, .absolute = largest(difference), .tolerance = text_of(tolerance)};
  result.relative = result.absolute / std::max(largest(wanted), 1e-30);
  result.cosine = cosine_of(got, wanted);
  const at::Tensor excess = difference - tolerance.absolute - wanted.abs() * tolerance.relative;
  const bool near = wanted.numel() == 0 || (excess.max().item<double>() <= 0 && got.isfinite().all().item<bool>());
  result.agrees = tolerance.cosine > 0 ? result.cosine >= tolerance.cosine : near;
  report(result);
}

void GoldenFile::report(const GoldenComparison& result) {
  compared_.insert(result.name);
  differing_ += result.agrees ? 0 : 1;
  on_comparison_(result);
}

int64_t GoldenFile::finish() {
  if (compared_.empty()) refuse("tensors", "no output that the model has", "at least one");
  for (const auto& [name, tensor] : tensors_) {
    if (name.starts_with("input.") || compared_.contains(name)) continue;
    report({.name = name, .absolute = NAN, .relative = NAN, .cosine = 0, .tolerance = "not computed"});
  }
  return differing_;
}

}  // namespace physgen
