#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

#include <physgen/train/metrics.h>

namespace physgen {

/// metrics.jsonl of a run: a JSON object a line, {"kind": "step", …}, {"kind": "evaluation", …} or
/// {"kind": "save", …}.
class MetricsLog {
 public:
  /// Opens the file for appending, without the lines past `last_step` (and a torn last one) that a run which died there
  /// left behind. Throws Error where the file cannot be written.
  MetricsLog(const std::filesystem::path& path, int64_t last_step);

  void write(const StepMetrics& metrics);
  void write(const EvaluationMetrics& metrics);
  void write(const SaveMetrics& metrics);

 private:
  void write_line(const std::string& line);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace physgen
