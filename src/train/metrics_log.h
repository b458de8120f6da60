#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json_fwd.hpp>

#include <physgen/train/metrics.h>

namespace physgen {

class EventFile;

/// metrics.jsonl of a run: a JSON object a line, {"kind": "step", …}, {"kind": "evaluation", …} or
/// {"kind": "save", …}; and beside it the same numbers for TensorBoard, with tags "step/loss" or
/// "evaluation/action_errors/joint 1".
class MetricsLog {
 public:
  /// Opens the file for appending, without the lines past `last_step` (and a torn last one) that a run which died there
  /// left behind; TensorBoard's curves go on from there, too. Throws Error where a file cannot be written.
  MetricsLog(const std::filesystem::path& path, int64_t last_step);
  ~MetricsLog();

  void write(const StepMetrics& metrics);
  void write(const EvaluationMetrics& metrics);
  void write(const SaveMetrics& metrics);

 private:
  void write_line(const nlohmann::ordered_json& line);

  std::filesystem::path path_;
  std::ofstream file_;
  std::unique_ptr<EventFile> events_;
};

}  // namespace physgen
