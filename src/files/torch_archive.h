#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "files/safetensors.h"

namespace physgen {

/// The state dict in a `.pt` or `.bin` file of torch.save (PyTorch 1.6 or later), mapped read-only and checked whole
/// before anything of it is used. It is the whole file, or lies in a trainer's checkpoint: under `model`, `state_dict`,
/// `module`, `model_state_dict` and the like, or as the only dict of tensors; the plain weights where there is an EMA
/// copy beside them, else that. The file is untrusted, and nothing in it is run: its pickle is read by a reader that
/// knows tensors, and drops the optimizer, arguments and counters beside them. A file of torch.jit.save, a whole model,
/// an optimizer alone or several models is refused.
class TorchArchive {
 public:
  /// Throws ConfigError where the file does not exist, Error where it cannot be read, and FormatError unless: it is a
  /// zip archive of uncompressed entries without overlap, holes or contradictions, whose every CRC-32 is right (so that
  /// the whole file is read once); its pickle holds one dict or OrderedDict of names and tensors or parameters, and
  /// names nothing that is not known to be harmless; it is little-endian; every storage has as many bytes as the pickle
  /// claims; and every tensor is row-major, contiguous and inside its storage. Of a name, a dtype and a shape it asks
  /// what SafetensorsFile asks.
  static TorchArchive open(const std::filesystem::path& path);

  TorchArchive(TorchArchive&&) = default;
  TorchArchive& operator=(TorchArchive&&) = default;

  /// In the order of the dict. Tensors may share bytes, and these need not be aligned to their type.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  /// Null where the file has no such tensor.
  const TensorEntry* find(const std::string& name) const;
  const std::filesystem::path& path() const { return path_; }
  /// Which of a checkpoint's dicts was taken and which were not, to follow "the weights are "; empty where the file is
  /// a state dict.
  const std::string& note() const { return note_; }

  /// Keeps the bytes of `entries()` mapped for as long as it, or this object, lives.
  std::shared_ptr<const void> keep_alive() const { return mapping_; }

 private:
  TorchArchive() = default;

  std::filesystem::path path_;
  std::shared_ptr<const void> mapping_;
  std::vector<TensorEntry> entries_;
  std::string note_;
  std::map<std::string, size_t> index_;
};

}  // namespace physgen
