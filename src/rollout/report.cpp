#include "physgen/rollout/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "episode_journal.h"
#include "evaluation_summary.h"
#include "physgen/core/config.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr int kRowHeight = 44, kBarWidth = 420;
constexpr const char* kStyle = R"css(
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e8eaed); --faint: light-dark(#6b7280, #9aa0a6);
  --line: light-dark(#e3e6ea, #3a3d42); --good: #1f9d63; --bad: #d64545; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 62rem; margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.percent { font-size: 2.6rem; font-weight: 650; } .faint { color: var(--faint); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); }
.good { color: var(--good); } .bad { color: var(--bad); }
code { font: 13px ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
svg { width: 100%; max-width: 52rem; } svg text { fill: var(--ink); font-size: 13px; }
svg .line { fill: var(--line); } svg .rate { fill: var(--good); } svg path { stroke: var(--ink); fill: none; }
)css";

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += letter;
    }
  }
  return safe;
}

std::string with_spaces(std::string task) {
  std::replace(task.begin(), task.end(), '_', ' ');
  return task;
}

// A bar of the rate with its interval as a whisker, and the numbers beside it.
std::string bar(const TaskSummary& task, int row) {
  const EvaluationSummary& numbers = task.summary;
  const int top = row * kRowHeight + 24;
  const double low = kBarWidth * numbers.interval.low, high = kBarWidth * numbers.interval.high;
  std::string svg = fmt::format("<text y='{}'>{}</text>", top - 6, escaped(with_spaces(task.task)));
  svg += fmt::format("<rect class='line' y='{}' width='{}' height='12' rx='2'/>", top, kBarWidth);
  svg += fmt::format("<rect class='rate' y='{}' width='{:.1f}' height='12' rx='2'/>", top,
                     kBarWidth * numbers.success_rate);
  svg += fmt::format("<path d='M{:.1f} {} v8 m0 -4 H{:.1f} m0 -4 v8'/>", low, top + 2, high);
  svg += fmt::format("<text x='{}' y='{}'>{} of {} · {:.0f} % ({:.0f} to {:.0f})</text>", kBarWidth + 14, top + 11,
                     numbers.successes, numbers.finished, 100 * numbers.success_rate, 100 * numbers.interval.low,
                     100 * numbers.interval.high);
  return svg + "\n";
}

std::string bars(const std::vector<TaskSummary>& tasks) {
  std::string svg = fmt::format("<svg viewBox='0 0 640 {}' role='img'>\n", kRowHeight * tasks.size() + 8);
  for (size_t row = 0; row < tasks.size(); ++row) svg += bar(tasks[row], static_cast<int>(row));
  return svg + "</svg>\n";
}

// The order of the table: failures, episodes without a result, successes.
int rank_of(const EpisodeRecord& record) { return !record.infrastructure_error.empty() ? 1 : record.success ? 2 : 0; }

std::string film_of(const EpisodeRecord& record, const fs::path& folder) {
  if (record.video.empty()) return "";
  const fs::path link = fs::relative(fs::absolute(record.video), fs::absolute(folder));
  return "<a href=\"" + escaped(link.generic_string()) + "\">film</a>";
}

std::string row_of(const EpisodeRecord& record, const fs::path& folder) {
  static constexpr const char* kOutcomes[] = {"<span class='bad'>failure</span>", "no result",
                                              "<span class='good'>success</span>"};
  return fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0f} ms</td><td>{}</td><td>{}</td></tr>\n",
                     kOutcomes[rank_of(record)], escaped(with_spaces(record.task)), record.seed, record.control_steps,
                     record.policy_ms_p50, record.retries, film_of(record, folder));
}

std::string episodes(const EvaluationReport& report) {
  std::vector<EpisodeRecord> records = report.result.records;
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return rank_of(a) < rank_of(b); });
  std::string table = "<table><tr><th>outcome<th>task<th>seed<th>control steps<th>a round<th>retries<th>film</tr>\n";
  for (const EpisodeRecord& record : records) table += row_of(record, report.folder);
  return table + "</table>\n";
}

std::string provenance(const EvaluationReport& report) {
  std::string table = "<table>";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) table += fmt::format("<tr><td>{}<td><code>{}</code></tr>\n", escaped(name), escaped(value));
  };
  add("command", report.command);
  add("program", report.version);
  add("repeats the actions of", report.config.replays);
  add("checkpoint", report.config.checkpoint);
  add("its manifest's SHA-256", report.config.checkpoint_sha256);
  add("its training data's SHA-256", report.config.data_sha256);
  for (const MergedShard& shard : report.shards) {
    add(shard.shard.empty() ? "merged" : "merged: shard " + shard.shard,
        fmt::format("{}\n{}\n{}", shard.folder, shard.command, shard.version));
  }
  add("configuration", write_config(report.config));
  return table + "</table>\n";
}

std::string heading_of(const RolloutConfig& config) {
  return config.environment + (config.shard.empty() ? "" : ", shard " + config.shard);
}

std::string incompleteness(const EvaluationSummary& summary) {
  const int64_t missing = summary.episodes - summary.finished;
  if (missing == 0) return "";
  return fmt::format("<p class=\"bad\">Incomplete: {} of {} episodes have no result.</p>\n", missing, summary.episodes);
}

}  // namespace

EvaluationReport read_evaluation(const fs::path& folder) {
  const fs::path config = folder / "rollout.json";
  if (!fs::exists(config)) {
    throw ConfigError({.what = "there is no evaluation",
                       .where = folder.string(),
                       .got = fs::exists(folder) ? "no rollout.json in it" : "no such folder",
                       .expected = "the --out folder of physgen rollout"});
  }
  EvaluationReport report{.folder = folder, .config = ConfigDocument::load(config).read<RolloutConfig>()};
  report.result = result_of(read_episodes(folder / "episodes.jsonl", plan_episodes(report.config)), report.config);
  read_provenance(report);
  return report;
}

std::string html_of(const EvaluationReport& report) {
  const EvaluationSummary& summary = report.result.summary;
  std::string page = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">";
  page += fmt::format("<title>{} · {:.1f} %</title><style>{}</style>\n", escaped(report.config.environment),
                      100 * summary.success_rate, kStyle);
  page += fmt::format("<h1>{}</h1>\n<div class=\"percent\">{:.1f} %</div>\n", escaped(heading_of(report.config)),
                      100 * summary.success_rate);
  page += fmt::format(
      "<p>{}. {:.0f} control steps to a success, {:.0f} ms a round (medians).<br><span class=\"faint\">{} of {} "
      "episodes finished; {} spoiled by the simulator, {} retries.</span></p>\n",
      success_text(summary), summary.median_control_steps, summary.ms_per_round, summary.finished, summary.episodes,
      summary.infrastructure_errors, summary.retries);
  page += incompleteness(summary);
  page += "<h2>By task, with 95 % intervals</h2>\n" + bars(report.result.tasks);
  page += "<h2>Episodes, failures first</h2>\n" + episodes(report);
  page += "<h2>To do it again</h2>\n" + provenance(report);
  return page + "</html>\n";
}

}  // namespace physgen
