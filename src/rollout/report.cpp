#include "physgen/rollout/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/first_few.h"
#include "episode_journal.h"
#include "evaluation_summary.h"
#include "media/html_page.h"
#include "physgen/core/config.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr int kRowHeight = 44, kBarWidth = 420;
// A bar of the rate with its interval as a whisker, and the numbers beside it.
std::string bar(const TaskSummary& task, int row) {
  const EvaluationSummary& numbers = task.summary;
  const int top = row * kRowHeight + 24;
  const double low = kBarWidth * numbers.interval.low, high = kBarWidth * numbers.interval.high;
  std::string svg = fmt::format("<text y='{}'>{}</text>", top - 6, html_text(with_spaces(task.task)));
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

// As a page in the folder reaches it; empty where there is none.
std::string film_of(const EpisodeRecord& record, const fs::path& folder) {
  if (record.video.empty()) return "";
  return html_text(fs::relative(fs::absolute(record.video), fs::absolute(folder)).generic_string());
}

std::string link_to(const std::string& film) { return film.empty() ? "" : "<a href=\"" + film + "\">film</a>"; }

const char* outcome_of(const EpisodeRecord& record) {
  static constexpr const char* kOutcomes[] = {"<span class='bad'>failure</span>", "no result",
                                              "<span class='good'>success</span>"};
  return kOutcomes[rank_of(record)];
}

std::string row_of(const EpisodeRecord& record, const fs::path& folder) {
  return fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.0f} ms</td><td>{}</td><td>{}</td></tr>\n",
                     outcome_of(record), html_text(with_spaces(record.task)), record.seed, record.control_steps,
                     record.policy_ms_p50, record.retries, link_to(film_of(record, folder)));
}

std::vector<EpisodeRecord> failures_first(std::vector<EpisodeRecord> records) {
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& a, const auto& b) { return rank_of(a) < rank_of(b); });
  return records;
}

std::string films(const std::vector<EpisodeRecord>& records, const fs::path& folder) {
  std::string grid;
  for (const EpisodeRecord& record : records) {
    const std::string film = film_of(record, folder);
    if (film.empty()) continue;
    grid += fmt::format(
        "<figure><video src=\"{}\" controls muted preload=\"metadata\"></video><figcaption>{}, {}, seed "
        "{}</figcaption></figure>\n",
        film, outcome_of(record), html_text(with_spaces(record.task)), record.seed);
  }
  return grid.empty() ? "" : "<h2>Films, failures first</h2>\n<div class=\"charts\">\n" + grid + "</div>\n";
}

std::string episodes(const std::vector<EpisodeRecord>& records, const fs::path& folder) {
  std::string table =
      "<table class=\"rows\"><tr><th>outcome<th>task<th>seed<th>control steps<th>a round<th>retries<th>film</tr>\n";
  for (const EpisodeRecord& record : records) table += row_of(record, folder);
  return table + "</table>\n";
}

std::string provenance(const EvaluationReport& report) {
  std::vector<HtmlFact> facts = {{"command", report.command},
                                 {"program", report.version},
                                 {"repeats the actions of", report.config.replays},
                                 {"checkpoint", report.config.checkpoint},
                                 {"its manifest's SHA-256", report.config.checkpoint_sha256},
                                 {"its training data's SHA-256", report.config.data_sha256}};
  for (const MergedShard& shard : report.shards) {
    facts.push_back({shard.shard.empty() ? "merged" : "merged: shard " + shard.shard,
                     fmt::format("{}\n{}\n{}", shard.folder, shard.command, shard.version)});
  }
  facts.push_back({"configuration", write_config(report.config)});
  return html_of(facts);
}

std::string heading_of(const RolloutConfig& config) {
  return config.environment + (config.shard.empty() ? "" : ", shard " + config.shard);
}

std::string incompleteness(const EvaluationSummary& summary) {
  const int64_t missing = summary.episodes - summary.finished;
  if (missing == 0) return "";
  return fmt::format("<p class=\"bad\">Incomplete: {} of {} episodes have no result.</p>\n", missing, summary.episodes);
}

std::string runs_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code none;  // what cannot be read is not named
  for (fs::directory_iterator at(folder, none), end; at != end && !none; at.increment(none)) {
    std::error_code unreadable;
    if (fs::exists(at->path() / "rollout.json", unreadable)) names.push_back(at->path().string());
  }
  if (names.empty()) return "";
  std::ranges::sort(names);
  return "name one of those below it: " + first_few(names, 4);
}

}  // namespace

EvaluationReport read_evaluation(const fs::path& folder) {
  const fs::path config = folder / "rollout.json";
  if (!fs::exists(config)) {
    throw ConfigError({.what = "there is no evaluation",
                       .where = folder.string(),
                       .got = fs::exists(folder) ? "no rollout.json in it" : "no such folder",
                       .expected = "the --out folder of physgen rollout",
                       .next_step = runs_below(folder)});
  }
  EvaluationReport report{
      .folder = folder, .config = blaming_the_file([&] { return ConfigDocument::load(config).read<RolloutConfig>(); })};
  const auto plan = blaming_the_file([&] { return plan_episodes(report.config); });
  report.result = result_of(read_episodes(folder / "episodes.jsonl", plan), report.config);
  read_provenance(report);
  return report;
}

std::string html_of(const EvaluationReport& report) {
  const EvaluationSummary& summary = report.result.summary;
  const std::vector<EpisodeRecord> records = failures_first(report.result.records);
  std::string body = fmt::format("<h1>{}</h1>\n<div class=\"percent\">{:.1f} %</div>\n",
                                 html_text(heading_of(report.config)), 100 * summary.success_rate);
  body += fmt::format(
      "<p>{}. {:.0f} control steps to a success, {:.0f} ms a round (medians).<br><span class=\"faint\">{} of {} "
      "episodes finished; {} spoiled by the simulator, {} retries.</span></p>\n",
      success_text(summary), summary.median_control_steps, summary.ms_per_round, summary.finished, summary.episodes,
      summary.infrastructure_errors, summary.retries);
  body += incompleteness(summary);
  body += "<h2>By task, with 95 % intervals</h2>\n" + bars(report.result.tasks);
  body += films(records, report.folder);
  body += "<h2>Episodes, failures first</h2>\n" + episodes(records, report.folder);
  body += "<h2>To do it again</h2>\n" + provenance(report);
  return html_page(fmt::format("{} · {:.1f} %", report.config.environment, 100 * summary.success_rate), body);
}

}  // namespace physgen
