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

/// The flags of a command and of those that it belongs to.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  if (command.get_parent()) flags = flags_of(*command.get_parent());
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

/// The subcommand at which the command line ends, and its full name.
std::pair<const CLI::App*, std::string> last_command(const CLI::App& app, const std::string& name) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) return {&app, name};
  return last_command(*chosen.front(), name + " " + chosen.front()->get_name());
}

std::string unknown_text(const std::string& kind, const std::string& word, const std::vector<std::string>& choices) {
  const std::string near = suggestion(word, choices);
  return "there is no " + kind + " " + word + (near.empty() ? "" : ", " + near);
}

}  // namespace

std::string usage_text(const CLI::App& app, const CLI::ParseError& error) {
  const auto [command, name] = last_command(app, app.get_name());
  const std::vector<std::string> commands = commands_of(*command);
  const std::vector<std::string> unknown = app.remaining(true);
  std::string text = error.what();
  if (!unknown.empty() && unknown[0].starts_with("-")) {  // CLI11 names no other flag
    const std::string flag = unknown[0].substr(0, unknown[0].find('='));
    text = unknown_text("flag", flag, flags_of(*command));
  } else if (!unknown.empty() && !commands.empty()) {  // CLI11 only says that a subcommand is missing
    text = unknown_text("command", unknown[0], commands);
  }
  return text + "\n  see " + name + " --help";
}

}  // namespace physgen
