#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/files/atomic_file.h>
#include <physgen/rollout/report.h>
#include <physgen/rollout/shard_merge.h>
#include <physgen/train/training_report.h>

#include "command_line.h"
#include "commands.h"
#include "run_display.h"

namespace physgen {
namespace {

struct ReportOptions {
  std::vector<std::string> folders;
  std::vector<std::filesystem::path> shards;
  ShardMergeOptions merge;
};

void print_page(const EvaluationReport& report) {
  fmt::print("{}  {}\n", success_text(report.result.summary), (report.folder / "report.html").string());
}

void write_page(const EvaluationReport& report) {
  write_file_atomically(report.folder / "report.html", html_of(report));
  print_page(report);
}

void print(const PairedComparison& paired) {
  fmt::print("both succeed {}, the first alone {}, the second alone {}, neither {}\n", paired.both, paired.first,
             paired.second, paired.neither);
  if (paired.unpaired > 0) fmt::print("{} episodes are in one of the two only\n", paired.unpaired);
  fmt::print("McNemar's exact test, two-sided: p = {:.3g}\n", paired.p_value);
}

// A training into whose folder an evaluation was written is that evaluation here.
bool is_training(const std::filesystem::path& folder) {
  return holds_training(folder) && !std::filesystem::exists(folder / "rollout.json");
}

void write_pages(const std::vector<std::string>& folders) {
  std::vector<EvaluationReport> reports;
  for (const std::string& folder : folders) {
    if (!is_training(folder)) reports.push_back(read_evaluation(folder));
  }
  for (const EvaluationReport& read : reports) write_page(read);
  for (const std::string& folder : folders) {
    if (!is_training(folder)) continue;
    write_training_page(folder);
    fmt::print("{}\n", (std::filesystem::path(folder) / "report.html").string());
  }
  if (reports.size() == 2) print(compare(reports[0], reports[1]));
}

void merge(const ReportOptions& options) {
  const ShardMerge merged = merge_shards(options.shards, options.merge);
  if (!merged.repeated.empty()) {
    fmt::print("several shards have the same result, which counts once: episode {}\n", episode_list(merged.repeated));
  }
  if (!merged.missing.empty()) {
    fmt::print("incomplete, {} of {} episodes have no result: episode {}\n", merged.missing.size(),
               merged.report.result.summary.episodes, episode_list(merged.missing));
  }
  print_page(merged.report);
}

void report(ReportOptions options) {
  options.merge.command = command_line();
  if (!options.shards.empty()) return merge(options);
  if (!options.folders.empty()) return write_pages(options.folders);
  throw ConfigError(
      {.what = "no folder is named",
       .where = "physgen report",
       .expected = "one or two --out folders of physgen rollout or of a training, or --merge with those of shards"});
}

}  // namespace

void add_report_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "report",
      "Write the page of an evaluation or a training, compare two evaluations episode by episode, or merge shards");
  const auto options = std::make_shared<ReportOptions>();
  CLI::Option* folders =
      command->add_option("folders", options->folders, "One or two --out folders of physgen rollout, or of a training")
          ->expected(1, 2);
  CLI::Option* shards = command->add_option("--merge", options->shards,
                                            "Folders of an evaluation's shards, such as OUT/shard-*, to make one of");
  CLI::Option* out = command->add_option("--out", options->merge.out, "Folder to write the merged evaluation to");
  shards->excludes(folders)->needs(out);
  out->needs(shards);
  command
      ->add_flag("--allow-missing", options->merge.allow_missing,
                 "Merge what is there, though episodes have no result; the page says so")
      ->needs(shards);
  command->callback([options] { report(*options); });
}

}  // namespace physgen
