#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include <physgen/core/error.h>
#include <physgen/release/convert.h>

#include "commands.h"
#include "core/printable.h"

namespace physgen {
namespace {

struct ConvertOptions {
  std::string from, to, dtype, parts_of;
  bool print = false;
};

void print_summary(const PretrainedSummary& summary) {
  for (const std::string& note : summary.notes) spdlog::warn("{}", printable(note));
  for (const PretrainedPart& part : summary.parts) {
    fmt::print("{:<14}{:>5} tensors{:>16} numbers  {}\n", part.name, part.tensors, part.parameters, part.dtype);
  }
}

void convert(const ConvertOptions& given) {
  if (given.print) {
    const PretrainedSummary summary = describe_pretrained(given.from);
    print_summary(summary);
    fmt::print("{}\n", summary.config);
    return;
  }
  if (given.to.empty()) {
    throw ConfigError(
        {.what = "there is nowhere to write to", .where = "to", .got = "nothing", .expected = "a folder"});
  }
  print_summary(convert_pretrained(given.from, given.to, given.dtype, given.parts_of));
  fmt::print("{}\n", given.to);
}

}  // namespace

void add_convert_command(CLI::App& app) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = app.add_subcommand("convert", "Rewrite a pretrained backbone: from NOVA's layout, or into it");
  command
      ->add_option("from", options->from,
                   "nova:FOLDER of a release or of NOVA's trainer, or a folder that convert wrote")
      ->required();
  command->add_option("to", options->to, "Folder to write, or nova:FOLDER for NOVA's layout");
  command
      ->add_option("--dtype", options->dtype,
                   "float32, float16 or bfloat16, of the numbers written; without it, as they are")
      ->check(CLI::IsMember({"float32", "float16", "bfloat16"}));
  command->add_option("--parts-of", options->parts_of,
                      "Folder that the VAE and the text encoder come from where FROM has none");
  command->add_flag("--print", options->print, "Print what would be loaded and stop");
  command->callback([=] { convert(*options); });
}

}  // namespace physgen
