#pragma once

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/trainer.h>

namespace physgen {

/// The lines of a text file.
inline std::vector<std::string> lines_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

/// The lines of one kind in a run's metrics.jsonl.
inline std::vector<nlohmann::json> metrics_of(const FinetuneJob& job, const std::string& kind) {
  std::vector<nlohmann::json> found;
  for (const std::string& line : lines_of(std::filesystem::path(job.out) / "metrics.jsonl")) {
    const auto value = nlohmann::json::parse(line);
    if (value["kind"] == kind) found.push_back(value);
  }
  return found;
}

/// A policy's tensors by their names.
inline std::map<std::string, at::Tensor> weights_of(const std::filesystem::path& checkpoint) {
  const NamedTensors tensors = state_dict(*load_policy(checkpoint).model);
  return {tensors.begin(), tensors.end()};
}

}  // namespace physgen
