#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace physgen {

/// What is wrong with a command line, and where help is.
std::string usage_text(const CLI::App& app, const CLI::ParseError& error);

}  // namespace physgen
