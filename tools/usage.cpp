#include "usage.h"

#include <utility>
#include <vector>

#include <physgen/core/suggestion.h>

namespace physgen {
namespace {

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

/// The subcommand at which the command line ends, and its full name.
std::pair<const CLI::App*, std::string> last_command(const CLI::App& app, const std::string& name) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) return {&app, name};
  return last_command(*chosen.front(), name + " " + chosen.front()->get_name());
}

}  // namespace

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, name] = last_command(app, app.get_name());
  const std::vector<std::string> commands = commands_of(*command);
  const std::vector<std::string> unknown = app.remaining(true);
  std::string text = error.what();
  if (!commands.empty() && !unknown.empty()) {  // CLI11 only says that a subcommand is missing
    const std::string near = suggestion(unknown[0], commands);
    text = "there is no command or option " + unknown[0] + (near.empty() ? "" : ", " + near);
  }
  return text + "\n  see " + name + " --help";
}

}  // namespace physgen
