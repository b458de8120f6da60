#pragma once

#include <string>

namespace physgen {

/// As this process was called, with what a shell would take apart in quotes.
std::string command_line();

}  // namespace physgen
