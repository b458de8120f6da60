#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <physgen/core/choice.h>

namespace physgen {

/// The number types of the safetensors format that this project uses.
enum class DataType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

/// The format's own texts, in declaration order.
constexpr auto choices_of(DataType) {
  return std::to_array<Choice<DataType>>({{DataType::f64, "F64"},
                                          {DataType::f32, "F32"},
                                          {DataType::f16, "F16"},
                                          {DataType::bf16, "BF16"},
                                          {DataType::i64, "I64"},
                                          {DataType::i32, "I32"},
                                          {DataType::i16, "I16"},
                                          {DataType::i8, "I8"},
                                          {DataType::u8, "U8"},
                                          {DataType::boolean, "BOOL"}});
}

/// Bytes of one number.
size_t size_of(DataType type);

/// One tensor: row-major, little-endian, `data` not owned.
struct TensorEntry {
  std::string name;
  DataType type = DataType::f32;
  std::vector<int64_t> shape;  ///< every dimension at least 0; empty for a scalar
  std::span<const std::byte> data;
};

/// A safetensors file, mapped read-only and checked whole before anything of it is used. The file is untrusted.
/// Format: https://github.com/huggingface/safetensors#format
class SafetensorsFile {
 public:
  /// Throws ConfigError where the file does not exist, Error where it cannot be read, and FormatError unless: the
  /// header is at most 100 MB and inside the file, is valid JSON of the format's shape with no key twice, every name is
  /// UTF-8 of 1 to 1024 bytes without control characters, every dtype is a DataType, every tensor has at most 64
  /// dimensions and as many bytes as they ask for, and the tensors fill the rest of the file without overlap and
  /// without holes.
  static SafetensorsFile open(const std::filesystem::path& path);

  SafetensorsFile(SafetensorsFile&&) = default;
  SafetensorsFile& operator=(SafetensorsFile&&) = default;

  /// In the order of the file. The bytes need not be aligned to their type.
  const std::vector<TensorEntry>& entries() const { return entries_; }
  /// Null where the file has no such tensor.
  const TensorEntry* find(const std::string& name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const std::filesystem::path& path() const { return path_; }

  /// Keeps the bytes of `entries()` mapped for as long as it, or this object, lives.
  std::shared_ptr<const void> keep_alive() const { return mapping_; }

 private:
  SafetensorsFile() = default;

  std::filesystem::path path_;
  std::shared_ptr<const void> mapping_;
  std::vector<TensorEntry> entries_;
  std::map<std::string, size_t> index_;
  std::map<std::string, std::string> metadata_;
};

/// Writes the tensors atomically and durably: widest type first, then by name, so that each is aligned to its type.
/// Throws Error for a name that is empty, reserved or given twice, for data that does not fit its shape, and where the
/// file cannot be written; a file that stood there before is then as it was.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> entries,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace physgen
