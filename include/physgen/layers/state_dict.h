#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace torch::nn {
class Module;
}

namespace physgen {

/// Tensors by name, in an order that is kept.
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The parameters and persistent buffers of a module by their dotted names, in registration order. Shares memory.
NamedTensors state_dict(const torch::nn::Module& module);

/// "[2, 3]", as errors show a shape.
std::string shape_text(at::IntArrayRef shape);

/// What keeps tensors from being copied into the wanted ones: the names of those that are missing and that are none of
/// them, and a phrase for each of another shape.
struct TensorDifferences {
  std::vector<std::string> missing = {}, mis_shaped = {}, unexpected = {};
  size_t count() const { return missing.size() + mis_shaped.size() + unexpected.size(); }
};

TensorDifferences tensor_differences(const NamedTensors& wanted, const NamedTensors& tensors);

/// "missing a, b; unexpected c and 12 more; d is [2] instead of [3]", the first of each.
std::string first_differences(const TensorDifferences& differences);

/// "d is [2] instead of [3]"
std::string mis_shaped(const std::string& name, at::IntArrayRef shape, at::IntArrayRef wanted);

/// What to do about a file with the tensors of another model.
inline constexpr const char* kSaveThisModel = "give the weights of this model: torch.save(model.state_dict(), path)";

/// Throws FormatError listing what `tensor_differences` finds. @param where  the file the tensors come from
void require_same_tensors(const NamedTensors& wanted, const NamedTensors& tensors, const std::string& where);

/// Copies tensors into those of the same names, all or nothing: a missing, an unexpected and a mis-shaped name are all
/// listed in one FormatError, and then nothing was copied. Dtypes are converted.
/// @param where  the file the tensors come from, for errors
void copy_tensors(const NamedTensors& into, const NamedTensors& tensors, const std::string& where);

/// Copies tensors into the module's own, all or nothing: a missing, an unexpected and a mis-shaped name are all listed
/// in one FormatError, and then nothing was copied. Dtypes are converted.
/// @param where  the file the tensors come from, for errors
void load_state_dict(torch::nn::Module& module, const NamedTensors& tensors, const std::string& where);

/// Makes tensors the module's own without copying them, all or nothing as `load_state_dict`: the module takes their
/// dtypes and shares their memory, which for those of `load_tensors` is a file's. Such a module cannot be trained.
/// @param where  the file the tensors come from, for errors
void adopt_state_dict(torch::nn::Module& module, const NamedTensors& tensors, const std::string& where);

/// The tensors with floating-point numbers in another dtype; those that have it already share their memory.
/// Throws FormatError for a number that float16 does not hold.
NamedTensors with_dtype(const NamedTensors& tensors, at::ScalarType dtype);

/// Writes tensors as safetensors. Throws Error when the file cannot be written.
void save_tensors(const std::string& path, const NamedTensors& tensors,
                  const std::map<std::string, std::string>& metadata = {});

/// Maps a safetensors file, or with the ending .bin, .pt or .pth a PyTorch archive: the tensors share its pages and
/// must not be written to. Throws ConfigError where it does not exist, FormatError.
NamedTensors load_tensors(const std::string& path);

/// The same. @param note  gets what TorchArchive::note says
NamedTensors load_tensors(const std::string& path, std::string& note);

/// The tensors whose names start with `prefix`, without it.
NamedTensors with_prefix(const NamedTensors& tensors, const std::string& prefix);

}  // namespace physgen
