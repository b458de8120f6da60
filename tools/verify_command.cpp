#include <fmt/core.h>

#include <memory>
#include <string>

#include <physgen/core/error.h>
#include <physgen/release/golden.h>

#include "commands.h"
#include "shared_options.h"

namespace physgen {
namespace {

void print(const GoldenComparison& result) {
  fmt::print("{:<64}{:>11.2e}{:>11.2e}{:>11.7f}  {}{}\n", result.name, result.absolute, result.relative, result.cosine,
             result.tolerance, result.agrees ? "" : "  DIFFERS");
}

void verify(const std::string& checkpoint, const std::string& golden, const std::string& device, bool in_double) {
  fmt::print("{:<64}{:>11}{:>11}{:>11}  {}\n", "output", "absolute", "relative", "cosine", "tolerance");
  const int64_t differing = verify_golden(checkpoint, golden, device, in_double, print);
  if (differing == 0) return;
  throw Error({.what = "the checkpoint computes something else than the golden file says",
               .where = golden,
               .got = std::to_string(differing) + " outputs that differ",
               .expected = "every output within its tolerance"});
}

}  // namespace

void add_verify_command(CLI::App& app) {
  auto checkpoint = std::make_shared<std::string>();
  auto golden = std::make_shared<std::string>();
  auto device = std::make_shared<std::string>("cpu");
  auto in_double = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("verify", "Compute what the reference computed, and compare");
  command->add_option("checkpoint", *checkpoint, "nova:FOLDER of a release, or a folder that convert wrote")
      ->required();
  command->add_option("golden", *golden, "The golden.safetensors of scripts/reference/make_golden.py")
      ->check(CLI::ExistingFile)
      ->required();
  add_device_option(*command, *device);
  command->add_flag("--double", *in_double, "Compute in float64: tells rounding from error");
  command->callback([=] { verify(*checkpoint, *golden, *device, *in_double); });
}

}  // namespace physgen
