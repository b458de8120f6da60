#include "train/metrics_log.h"

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include <physgen/core/error.h>

#include "core/json_file.h"
#include "device/peak_memory.h"
#include "files/atomic_file.h"
#include "train/event_file.h"
#include "train/metrics_words.h"

namespace physgen {
namespace {

using json = nlohmann::ordered_json;

std::string lines_through(const std::filesystem::path& path, int64_t last_step) {
  std::string kept;
  if (!std::filesystem::exists(path)) return kept;
  each_json_line(path, kMetricsWords, LastLine::torn, [&](const JsonView& value, const std::string& line) {
    if (value.at("step").integer() <= last_step) kept += line + "\n";
  });
  return kept;
}

void add(json& line, const std::vector<NamedNumber>& numbers) {
  for (const NamedNumber& number : numbers) line[number.name] = number.value;
}

// The numbers of an object by their paths.
void add_scalars(const json& object, const std::string& path, std::vector<NamedNumber>& scalars) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) add_scalars(value, path + key + "/", scalars);
    if (value.is_number() && key != "step") scalars.push_back({path + key, value.get<double>()});
  }
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step) : path_(path) {
  write_file_atomically(path, lines_through(path, last_step));
  file_.open(path, std::ios::app);
  events_ = std::make_unique<EventFile>(path.parent_path(), last_step);
}

MetricsLog::~MetricsLog() = default;

void MetricsLog::write(const StepMetrics& metrics) {
  json line = {{"kind", "step"}, {"step", metrics.step}, {"loss", metrics.loss}};
  add(line, metrics.losses);
  line["gradient_norm"] = metrics.gradient_norm;
  line["learning_rate"] = metrics.learning_rate;
  line["seconds"] = metrics.seconds;
  line["waiting_seconds"] = metrics.waiting_seconds;
  line["samples_per_second"] = metrics.samples_per_second;
  if (metrics.skipped) line["skipped"] = true;
  write_line(line);
}

void MetricsLog::write(const EvaluationMetrics& metrics) {
  json line = {{"kind", "evaluation"}, {"step", metrics.step}};
  add(line, metrics.numbers);
  if (!metrics.action_errors.empty()) add(line["action_errors"], metrics.action_errors);
  line["best"] = metrics.best;
  write_line(line);
}

void MetricsLog::write(const SaveMetrics& metrics) {
  const json line = {{"kind", "save"},
                     {"step", metrics.step},
                     {"stalled_seconds", metrics.stalled_seconds},
                     {"peak_resident_mib", peak_memory(at::kCPU) >> 20}};
  write_line(line);
}

void MetricsLog::write_line(const json& line) {
  file_ << line.dump() << '\n' << std::flush;
  if (!file_) {
    throw Error({.what = "the metrics cannot be written", .where = path_.string(), .got = std::strerror(errno)});
  }
  std::vector<NamedNumber> scalars;
  add_scalars(line, line["kind"].get<std::string>() + "/", scalars);
  events_->write(line["step"].get<int64_t>(), scalars);
}

}  // namespace physgen
