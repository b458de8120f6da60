#include <fmt/core.h>

#include <memory>
#include <string>

#include "commands.h"
#include "policy/merge.h"
#include "shared_options.h"

namespace physgen {

void add_merge_command(CLI::App& app) {
  auto checkpoint = std::make_shared<std::string>();
  auto out = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("merge", "Add the low-rank adapters of a policy into its weights");
  command->add_option("--checkpoint", *checkpoint, "Policy with adapters")->required();
  command->add_option("--out", *out, "Folder to write the policy to")->required();
  command->callback([=] {
    merge_policy(*checkpoint, *out);
    fmt::print("{}\n", *out);
  });
}

}  // namespace physgen
