#include "evaluation_summary.h"

#include <nlohmann/json.hpp>

#include "core/json_file.h"

namespace physgen {
namespace {

using nlohmann::ordered_json;

ordered_json json_of(const EvaluationSummary& summary) {
  return {{"episodes", summary.episodes},
          {"finished", summary.finished},
          {"successes", summary.successes},
          {"failures", summary.finished - summary.successes},
          {"infrastructure_errors", summary.infrastructure_errors},
          {"retries", summary.retries},
          {"success_rate", summary.success_rate},
          {"interval_95", {summary.interval.low, summary.interval.high}},
          {"median_control_steps", summary.median_control_steps},
          {"ms_per_round", summary.ms_per_round},
          {"slowdown", summary.slowdown}};
}

ordered_json json_of(const MergedShard& shard) {
  return {{"folder", shard.folder}, {"shard", shard.shard}, {"command", shard.command}, {"version", shard.version}};
}

}  // namespace

std::string summary_json(const EvaluationReport& report) {
  ordered_json summary = json_of(report.result.summary);
  summary["command"] = report.command;
  summary["version"] = report.version;
  for (const MergedShard& shard : report.shards) summary["shards"].push_back(json_of(shard));
  for (const TaskSummary& task : report.result.tasks) summary["tasks"][task.task] = json_of(task.summary);
  return summary.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

void read_provenance(EvaluationReport& report) {
  const std::filesystem::path path = report.folder / kSummaryName;
  if (!std::filesystem::exists(path)) return;  // the evaluation goes on, or was stopped
  const JsonView known = read_json_file(path);
  report.command = known.text_or("command", "");
  report.version = known.text_or("version", "");
  if (!known.has("shards")) return;
  for (const JsonView& shard : known.at("shards").items()) {
    report.shards.push_back({.folder = shard.at("folder").text(),
                             .shard = shard.text_or("shard", ""),
                             .command = shard.text_or("command", ""),
                             .version = shard.text_or("version", "")});
  }
}

}  // namespace physgen
