#include <physgen/layers/state_dict.h>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "core/first_few.h"
#include "files/safetensors.h"
#include "files/torch_archive.h"

namespace physgen {
namespace {

std::map<std::string, at::Tensor> by_name(const NamedTensors& tensors) { return {tensors.begin(), tensors.end()}; }

constexpr std::pair<DataType, at::ScalarType> kTypes[] = {{DataType::f64, at::kDouble}, {DataType::f32, at::kFloat},
                                                          {DataType::f16, at::kHalf},   {DataType::bf16, at::kBFloat16},
                                                          {DataType::i64, at::kLong},   {DataType::i32, at::kInt},
                                                          {DataType::i16, at::kShort},  {DataType::i8, at::kChar},
                                                          {DataType::u8, at::kByte},    {DataType::boolean, at::kBool}};

at::ScalarType scalar_type_of(DataType type) {
  return std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& pair) { return pair.first == type; })->second;
}

DataType data_type_of(const at::Tensor& tensor) {
  auto found = std::find_if(std::begin(kTypes), std::end(kTypes),
                            [&](auto& pair) { return pair.second == tensor.scalar_type(); });
  TORCH_CHECK_VALUE(found != std::end(kTypes), "[save_tensors] safetensors has no dtype ", tensor.dtype());
  return found->first;
}

// All of them, or the beginning: of a foreign file it is hundreds of names.
void add_first(std::string& text, const std::string& begin, const std::vector<std::string>& names) {
  constexpr size_t kMost = 6;
  if (names.empty()) return;
  text += (text.empty() ? "" : "; ") + begin + first_few(names, kMost);
}

template <class File>
NamedTensors mapped_tensors(File opened) {
  auto file = std::make_shared<File>(std::move(opened));
  NamedTensors tensors;
  for (const TensorEntry& entry : file->entries()) {
    auto* bytes = const_cast<std::byte*>(entry.data.data());  // from_blob takes no const; the caller does not write
    tensors.emplace_back(entry.name, at::from_blob(
                                         bytes, entry.shape, [file](void*) {}, scalar_type_of(entry.type)));
  }
  return tensors;
}

// float16 ends at 65504.
void require_finite(const std::string& name, const at::Tensor& before, const at::Tensor& after) {
  if (!before.is_floating_point() || before.scalar_type() == at::kHalf) return;
  if (at::equal(before.isfinite(), after.isfinite())) return;
  throw FormatError({.what = "a number does not fit into float16",
                     .where = name,
                     .got = std::to_string(before.abs().max().item<double>()),
                     .expected = "at most 65504",
                     .next_step = "choose bfloat16 or float32"});
}

}  // namespace

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

NamedTensors state_dict(const torch::nn::Module& module) {
  NamedTensors tensors;
  for (const auto& item : module.named_parameters()) tensors.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) tensors.emplace_back(item.key(), item.value());
  return tensors;
}

std::string mis_shaped(const std::string& name, at::IntArrayRef shape, at::IntArrayRef wanted) {
  return name + " is " + shape_text(shape) + " instead of " + shape_text(wanted);
}

TensorDifferences tensor_differences(const NamedTensors& wanted, const NamedTensors& tensors) {
  const auto given = by_name(tensors);
  TensorDifferences found;
  std::set<std::string> known;
  for (const auto& [name, tensor] : wanted) {
    known.insert(name);
    auto same = given.find(name);
    if (same == given.end()) {
      found.missing.push_back(name);
    } else if (same->second.sizes() != tensor.sizes()) {
      found.mis_shaped.push_back(mis_shaped(name, same->second.sizes(), tensor.sizes()));
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (!known.contains(name)) found.unexpected.push_back(name);
  }
  return found;
}

std::string first_differences(const TensorDifferences& differences) {
  std::string text;
  add_first(text, "missing ", differences.missing);
  add_first(text, "unexpected ", differences.unexpected);
  add_first(text, "", differences.mis_shaped);
  return text;
}

void require_same_tensors(const NamedTensors& own, const NamedTensors& tensors, const std::string& where) {
  const TensorDifferences wrong = tensor_differences(own, tensors);
  if (wrong.count() == 0) return;
  const bool other_model = wrong.missing.size() == own.size();
  throw FormatError(
      {.what = std::to_string(wrong.count()) + " tensors do not fit the model",
       .where = where,
       .got = first_differences(wrong),
       .expected = "the " + std::to_string(own.size()) + " tensors that the config describes",
       .next_step = other_model ? kSaveThisModel : "use the config.json that was written with these weights"});
}

void load_state_dict(torch::nn::Module& module, const NamedTensors& tensors, const std::string& where) {
  copy_tensors(state_dict(module), tensors, where);
}

void copy_tensors(const NamedTensors& own, const NamedTensors& tensors, const std::string& where) {
  require_same_tensors(own, tensors, where);
  const auto given = by_name(tensors);
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.detach().copy_(given.at(name));
}

void adopt_state_dict(torch::nn::Module& module, const NamedTensors& tensors, const std::string& where) {
  const NamedTensors own = state_dict(module);
  require_same_tensors(own, tensors, where);
  const auto given = by_name(tensors);
  torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) {
    at::Tensor handle = tensor;
    handle.requires_grad_(false);
    handle.set_data(given.at(name));
  }
}

NamedTensors with_dtype(const NamedTensors& tensors, at::ScalarType dtype) {
  NamedTensors converted;
  for (const auto& [name, tensor] : tensors) {
    converted.emplace_back(name, tensor.is_floating_point() ? tensor.to(dtype) : tensor);
    if (dtype == at::kHalf) require_finite(name, tensor, converted.back().second);
  }
  return converted;
}

void save_tensors(const std::string& path, const NamedTensors& tensors,
                  const std::map<std::string, std::string>& metadata) {
  std::vector<at::Tensor> kept;  // the bytes must live until they are written
  std::vector<TensorEntry> entries;
  for (const auto& [name, tensor] : tensors) {
    kept.push_back(tensor.detach().to(at::kCPU).contiguous());
    const auto* bytes = static_cast<const std::byte*>(kept.back().const_data_ptr());
    entries.push_back({name, data_type_of(tensor), tensor.sizes().vec(), {bytes, kept.back().nbytes()}});
  }
  write_safetensors(path, entries, metadata);
}

NamedTensors load_tensors(const std::string& path) {
  std::string note;
  return load_tensors(path, note);
}

NamedTensors load_tensors(const std::string& path, std::string& note) {
  for (const char* ending : {".bin", ".pt", ".pth"}) {
    if (!path.ends_with(ending)) continue;
    TorchArchive archive = TorchArchive::open(path);
    note = archive.note();
    return mapped_tensors(std::move(archive));
  }
  return mapped_tensors(SafetensorsFile::open(path));
}

NamedTensors with_prefix(const NamedTensors& tensors, const std::string& prefix) {
  NamedTensors found;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(prefix)) found.emplace_back(name.substr(prefix.size()), tensor);
  }
  return found;
}

}  // namespace physgen
