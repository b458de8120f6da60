#include "shell_pages.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <functional>
#include <vector>

#include <physgen/core/version.h>

namespace physgen {
namespace {

constexpr const char* kCompletion = R"bash(# bash completion of physgen; made by physgen completion
_physgen() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  local command= next choices=
  for next in ${{COMP_WORDS[@]:1:COMP_CWORD-1}}; do
    case "$command $next" in
{commands}      *) break ;;
    esac
  done
  case "$command $before" in
{values}  esac
  if [[ $choices ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
    return
  fi
  if [[ $word == -* || -z $command ]]; then
    case "$command" in
{flags}    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
    return
  fi
  case "$command" in
{subcommands}  esac
  mapfile -t COMPREPLY < <(compgen -f -W "$choices" -- "$word")
}}
complete -o filenames -F _physgen physgen
)bash";

// A command and its full name without the program's: " data check"; " " before each word.
using Visit = std::function<void(const CLI::App& command, const std::string& name)>;

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

void each_command(const CLI::App& app, const std::string& name, const Visit& visit) {
  visit(app, name);
  for (const CLI::App* command : commands_of(app)) each_command(*command, name + " " + command->get_name(), visit);
}

std::vector<std::string> words_of(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::App* below : commands_of(command)) words.push_back(below->get_name());
  return words;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

// What a flag may be, where it is one of a set: "a b" of "TEXT:{a,b}".
std::string choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{'), close = type.find('}');
  if (open == type.npos || close == type.npos) return "";
  std::string choices = type.substr(open + 1, close - open - 1);
  for (char& letter : choices) letter = letter == ',' ? ' ' : letter;
  return choices;
}

std::string values_of(const CLI::App& command, const std::string& name) {
  std::string cases;
  for (const CLI::Option* option : command.get_options()) {
    const std::string choices = choices_of(*option);
    for (const std::string& flag : option->get_lnames()) {
      if (!choices.empty()) cases += fmt::format("    \"{} --{}\") choices=\"{}\" ;;\n", name, flag, choices);
    }
  }
  return cases;
}

// Text in which man sees no command of its own.
std::string roff(const std::string& text) {
  std::string safe;
  for (const char letter : text) {
    if (letter == '\\' || letter == '-') safe += '\\';
    if ((letter == '.' || letter == '\'') && (safe.empty() || safe.back() == '\n')) safe += "\\&";
    safe += letter;
  }
  return safe;
}

std::string manual_of(const CLI::Option& option) {
  const std::string type = option.get_type_size() > 0 ? " " + option.get_type_name() : "";
  const std::string standard = option.get_default_str().empty() ? "" : " (" + option.get_default_str() + ")";
  const std::string name = option.get_positional() ? option.get_name(true) : option.get_name(false, true);
  return fmt::format(".TP\n\\fB{}\\fR{}{}\n{}\n", roff(name), roff(type), roff(standard),
                     roff(option.get_description()));
}

std::string manual_of(const CLI::App& command, const std::string& name) {
  std::string text = fmt::format(".SS physgen{}\n{}.\n", roff(name), roff(command.get_description()));
  for (const CLI::Option* option : command.get_options()) {
    if (option != command.get_help_ptr()) text += manual_of(*option);
  }
  return text;
}

}  // namespace

std::string bash_completion(const CLI::App& app) {
  std::string commands, values, flags, subcommands;
  each_command(app, "", [&](const CLI::App& command, const std::string& name) {
    if (!name.empty()) {
      const size_t last = name.rfind(' ');
      commands +=
          fmt::format("      \"{} {}\") command=\"{}\" ;;\n", name.substr(0, last), name.substr(last + 1), name);
    }
    values += values_of(command, name);
    flags += fmt::format("      \"{}\") choices=\"{} {}\" ;;\n", name, fmt::join(words_of(command), " "),
                         fmt::join(flags_of(command), " "));
    if (!words_of(command).empty()) {
      subcommands += fmt::format("    \"{}\") choices=\"{}\" ;;\n", name, fmt::join(words_of(command), " "));
    }
  });
  return fmt::format(kCompletion, fmt::arg("commands", commands), fmt::arg("values", values), fmt::arg("flags", flags),
                     fmt::arg("subcommands", subcommands));
}

std::string manual_page(const CLI::App& app) {
  const std::string version = version_text();
  std::string text = fmt::format(".TH PHYSGEN 1 \"\" \"{}\"\n.SH NAME\nphysgen \\- {}\n.SH COMMANDS\n",
                                 version.substr(0, version.find(" (")), roff(app.get_description()));
  each_command(app, "", [&](const CLI::App& command, const std::string& name) {
    if (commands_of(command).empty()) text += manual_of(command, name);
  });
  return text +
         ".SH EXIT STATUS\n0 done; 2 what was asked for is wrong; 1 anything else; 130, 143 stopped by a signal, and "
         "saved.\n";
}

void add_shell_commands(CLI::App& app) {
  CLI::App* completion = app.add_subcommand("completion", "Print a script that completes commands and flags in bash");
  completion->callback([&app] { fmt::print("{}", bash_completion(app)); });
  CLI::App* manual = app.add_subcommand("manual", "Print the manual page, for man -l");
  manual->callback([&app] { fmt::print("{}", manual_page(app)); });
}

}  // namespace physgen
