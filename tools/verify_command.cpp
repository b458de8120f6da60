#include <fmt/core.h>

#include <memory>
#include <string>

#include <physgen/core/error.h>

#include "commands.h"
#include "json_output.h"
#include "release/golden.h"
#include "shared_options.h"

namespace physgen {
namespace {

void print(const GoldenComparison& result) {
  fmt::print("{:<64}{:>11.2e}{:>11.2e}{:>11.7f}  {}{}\n", result.name, result.absolute, result.relative, result.cosine,
             result.tolerance, result.agrees ? "" : "  DIFFERS");
}

nlohmann::ordered_json json_of(const GoldenComparison& result) {
  return {{"output", result.name},   {"absolute", result.absolute},   {"relative", result.relative},
          {"cosine", result.cosine}, {"tolerance", result.tolerance}, {"agrees", result.agrees}};
}

struct VerifyOptions {
  std::string checkpoint, golden, device = "cpu";
  bool in_double = false, json = false;
};

void verify(const VerifyOptions& options) {
  auto outputs = nlohmann::ordered_json::array();
  const auto tell = [&](const GoldenComparison& result) {
    options.json ? outputs.push_back(json_of(result)) : print(result);
  };
  if (!options.json) {
    fmt::print("{:<64}{:>11}{:>11}{:>11}  {}\n", "output", "absolute", "relative", "cosine", "tolerance");
  }
  const int64_t differing = verify_golden(options.checkpoint, options.golden, options.device, options.in_double, tell);
  if (options.json) print_json({{"differing", differing}, {"outputs", outputs}});
  if (differing == 0) return;
  throw Error({.what = "the checkpoint computes something else than the golden file says",
               .where = options.golden,
               .got = std::to_string(differing) + " outputs that differ",
               .expected = "every output within its tolerance"});
}

}  // namespace

void add_verify_command(CLI::App& app) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", "Compute what the reference computed, and compare");
  command->add_option("checkpoint", options->checkpoint, "nova:FOLDER of a release, or a folder that convert wrote")
      ->required();
  command->add_option("golden", options->golden, "The golden.safetensors of scripts/reference/make_golden.py")
      ->check(CLI::ExistingFile)
      ->required();
  add_device_option(*command, options->device);
  command->add_flag("--double", options->in_double, "Compute in float64: tells rounding from error");
  add_json_option(*command, options->json);
  command->callback([options] { verify(*options); });
}

}  // namespace physgen
