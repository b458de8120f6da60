#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <physgen/files/atomic_file.h>
#include <physgen/rollout/report.h>

#include "commands.h"

namespace physgen {
namespace {

void write_page(const EvaluationReport& report) {
  const std::filesystem::path path = report.folder / "report.html";
  write_file_atomically(path, html_of(report));
  fmt::print("{}  {}\n", success_text(report.result.summary), path.string());
}

void print(const PairedComparison& paired) {
  fmt::print("both succeed {}, the first alone {}, the second alone {}, neither {}\n", paired.both, paired.first,
             paired.second, paired.neither);
  if (paired.unpaired > 0) fmt::print("{} episodes are in one of the two only\n", paired.unpaired);
  fmt::print("McNemar's exact test, two-sided: p = {:.3g}\n", paired.p_value);
}

void report(const std::vector<std::string>& folders) {
  std::vector<EvaluationReport> reports;
  for (const std::string& folder : folders) reports.push_back(read_evaluation(folder));
  for (const EvaluationReport& read : reports) write_page(read);
  if (reports.size() == 2) print(compare(reports[0], reports[1]));
}

}  // namespace

void add_report_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("report", "Write an evaluation's page, or compare two episode by episode");
  const auto folders = std::make_shared<std::vector<std::string>>();
  command->add_option("folders", *folders, "One or two --out folders of physgen rollout")->required()->expected(1, 2);
  command->callback([folders] { report(*folders); });
}

}  // namespace physgen
