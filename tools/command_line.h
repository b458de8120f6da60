#pragma once

#include <string>

namespace physgen {

/// In the environment of processes that this program began: the command by which it was called itself.
inline constexpr const char* kCommandVariable = "PHYSGEN_COMMAND";

/// As the user called this program, with what a shell would take apart in quotes.
std::string command_line();

}  // namespace physgen
