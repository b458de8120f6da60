#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/rollout/report.h>

#include "command_line.h"
#include "commands.h"
#include "files/atomic_file.h"
#include "json_output.h"
#include "rollout/evaluation_summary.h"
#include "rollout/shard_merge.h"
#include "run_display.h"
#include "shared_options.h"
#include "train/training_report.h"

namespace physgen {
namespace {

struct ReportOptions {
  std::vector<std::string> folders;
  std::vector<std::filesystem::path> shards;
  ShardMergeOptions merge;
  bool json = false;
};

using Json = nlohmann::ordered_json;

std::string page_of(const std::filesystem::path& folder) { return (folder / "report.html").string(); }

void print_page(const EvaluationReport& report) {
  fmt::print("{}  {}\n", success_text(report.result.summary), page_of(report.folder));
}

Json json_of(const EvaluationReport& report) {
  Json json = {{"folder", report.folder.string()}, {"page", page_of(report.folder)}};
  json.update(nlohmann::ordered_json::parse(summary_json(report)));
  return json;
}

Json json_of(const PairedComparison& paired) {
  return {{"both", paired.both},       {"first", paired.first},       {"second", paired.second},
          {"neither", paired.neither}, {"unpaired", paired.unpaired}, {"p_value", paired.p_value}};
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

// The evaluations and the trainings among the folders.
struct Pages {
  std::vector<EvaluationReport> evaluations;
  std::vector<std::string> trainings;
};

Pages read_folders(const std::vector<std::string>& folders) {
  Pages pages;
  for (const std::string& folder : folders) {
    if (is_training(folder)) {
      pages.trainings.push_back(folder);
    } else {
      pages.evaluations.push_back(read_evaluation(folder));
    }
  }
  return pages;
}

Json json_of(const Pages& pages) {
  Json json = {{"evaluations", Json::array()}, {"trainings", Json::array()}};
  for (const EvaluationReport& report : pages.evaluations) json["evaluations"].push_back(json_of(report));
  for (const std::string& folder : pages.trainings) {
    json["trainings"].push_back({{"folder", folder}, {"page", page_of(folder)}});
  }
  if (pages.evaluations.size() == 2) {
    json["comparison"] = json_of(compare(pages.evaluations[0], pages.evaluations[1]));
  }
  return json;
}

void print(const Pages& pages) {
  for (const EvaluationReport& report : pages.evaluations) print_page(report);
  for (const std::string& folder : pages.trainings) fmt::print("{}\n", page_of(folder));
  if (pages.evaluations.size() == 2) print(compare(pages.evaluations[0], pages.evaluations[1]));
}

void write_pages(const ReportOptions& options) {
  const Pages pages = read_folders(options.folders);
  for (const EvaluationReport& report : pages.evaluations)
    write_file_atomically(page_of(report.folder), html_of(report));
  for (const std::string& folder : pages.trainings) write_training_page(folder);
  options.json ? print_json(json_of(pages)) : print(pages);
}

void merge(const ReportOptions& options) {
  const ShardMerge merged = merge_shards(options.shards, options.merge);
  if (options.json) {
    Json json = json_of(merged.report);
    json["missing"] = merged.missing;
    json["repeated"] = merged.repeated;
    return print_json(json);
  }
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
  if (!options.folders.empty()) return write_pages(options);
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
  add_json_option(*command, options->json);
  command->callback([options] { report(*options); });
}

}  // namespace physgen
