#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace physgen {

/// One output of a model beside that of the reference.
struct GoldenComparison {
  std::string name;       ///< as in the golden file: "transformer.video_encoder.out", …
  double absolute = 0;    ///< the largest difference
  double relative = 0;    ///< the largest difference to the largest value
  double cosine = 1;      ///< of the angle between the two
  std::string tolerance;  ///< what was asked for
  bool agrees = false;
};

/// Computes what a golden file says that the reference computed, from the inputs and noise in the same file, and
/// compares. .github/docs/nova.md documents the names; `scripts/reference/make_golden.py` writes such
/// files.
/// @param checkpoint     as `open_pretrained` takes it
/// @param device         "auto", "cpu", "cuda" or "cuda:1"
/// @param in_double      the modules compute in float64, which tells rounding from error, and not in float32
/// @param on_comparison  told each as it is made
/// @return how many do not agree, those that the model does not compute included
/// Throws ConfigError where a file or the device does not exist, FormatError where it is damaged, no golden file, or of
/// other sizes than the model.
int64_t verify_golden(const std::string& checkpoint, const std::filesystem::path& file, const std::string& device,
                      bool in_double, const std::function<void(const GoldenComparison&)>& on_comparison);

}  // namespace physgen
