#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include <physgen/layers/state_dict.h>

#include "core/json_view.h"
#include "release/golden.h"

namespace physgen {

/// The inputs and outputs of a golden file, and the comparisons made with them.
class GoldenFile {
 public:
  /// @param device  that the inputs are on
  GoldenFile(const std::filesystem::path& path, at::Device device,
             std::function<void(const GoldenComparison&)> on_comparison);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  /// Throws FormatError where the file lacks it.
  const at::Tensor& at(const std::string& name) const;
  /// The JSON of a metadata entry. Throws FormatError where it is not there or none.
  JsonView metadata(const std::string& key) const;

  /// Compares where the file has an output of that name.
  void compare(const std::string& name, const at::Tensor& values);
  /// Reports the outputs that nothing was compared with. @return how many outputs do not agree
  int64_t finish();

  [[noreturn]] void refuse(const std::string& where, const std::string& got, const std::string& expected) const;

 private:
  void report(const GoldenComparison& result);

  std::string path_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
  std::function<void(const GoldenComparison&)> on_comparison_;
  std::set<std::string> compared_;
  int64_t differing_ = 0;
};

}  // namespace physgen
