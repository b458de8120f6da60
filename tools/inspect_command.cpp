#include <fmt/core.h>

#include <memory>
#include <string>

#include <physgen/policy/checkpoint_summary.h>

#include "commands.h"
#include "shared_options.h"

namespace physgen {

void add_inspect_command(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  auto as_json = std::make_shared<bool>(false), as_card = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("inspect", "Verify a checkpoint and say what it is");
  command->add_option("path", *path, "Policy, VAE, or .safetensors file")->required();
  CLI::Option* json = add_json_option(*command, *as_json);
  command->add_flag("--card", *as_card, "Print a model card in Markdown, to publish beside it")->excludes(json);
  command->callback([=] {
    const CheckpointSummary summary = summarize_checkpoint(*path);
    fmt::print("{}", *as_card ? to_card(summary) : *as_json ? to_json(summary) + "\n" : to_text(summary));
  });
}

}  // namespace physgen
