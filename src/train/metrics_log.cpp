#include <physgen/train/metrics_log.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include <physgen/core/error.h>
#include <physgen/files/atomic_file.h>

#include "core/json_file.h"

namespace physgen {
namespace {

using json = nlohmann::ordered_json;

constexpr JsonWords kWords = {.damaged = "the metrics of a run are damaged",
                              .missing = "the metrics of a run cannot be read",
                              .next_step = "remove the line"};

std::string lines_through(const std::filesystem::path& path, int64_t last_step) {
  std::string kept;
  if (!std::filesystem::exists(path)) return kept;
  each_json_line(path, kWords, LastLine::torn, [&](const JsonView& value, const std::string& line) {
    if (value.at("step").integer() <= last_step) kept += line + "\n";
  });
  return kept;
}

void add(json& line, const std::vector<NamedNumber>& numbers) {
  for (const NamedNumber& number : numbers) line[number.name] = number.value;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step) : path_(path) {
  write_file_atomically(path, lines_through(path, last_step));
  file_.open(path, std::ios::app);
}

void MetricsLog::write(const StepMetrics& metrics) {
  json line = {{"kind", "step"}, {"step", metrics.step}, {"loss", metrics.loss}};
  add(line, metrics.losses);
  line["gradient_norm"] = metrics.gradient_norm;
  line["learning_rate"] = metrics.learning_rate;
  line["seconds"] = metrics.seconds;
  line["waiting_seconds"] = metrics.waiting_seconds;
  line["samples_per_second"] = metrics.samples_per_second;
  if (metrics.skipped) line["skipped"] = true;
  write_line(line.dump());
}

void MetricsLog::write(const EvaluationMetrics& metrics) {
  json line = {{"kind", "evaluation"}, {"step", metrics.step}};
  add(line, metrics.numbers);
  if (!metrics.action_errors.empty()) add(line["action_errors"], metrics.action_errors);
  line["best"] = metrics.best;
  write_line(line.dump());
}

void MetricsLog::write(const SaveMetrics& metrics) {
  const json line = {{"kind", "save"}, {"step", metrics.step}, {"stalled_seconds", metrics.stalled_seconds}};
  write_line(line.dump());
}

void MetricsLog::write_line(const std::string& line) {
  file_ << line << '\n' << std::flush;
  if (file_) return;
  throw Error({.what = "the metrics cannot be written", .where = path_.string(), .got = std::strerror(errno)});
}

}  // namespace physgen
