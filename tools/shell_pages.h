#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace physgen {

/// A script for bash that completes commands, flags, and what a flag may be.
std::string bash_completion(const CLI::App& app);

/// The manual page in man's format: every command with its flags, as --help has them.
std::string manual_page(const CLI::App& app);

/// Adds the subcommands that print them.
void add_shell_commands(CLI::App& app);

}  // namespace physgen
