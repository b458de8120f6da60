#pragma once

#include <memory>
#include <string>

#include "formats/demonstration_file.h"

namespace physgen {

/// Opens a LeRobot folder. Throws FormatError; ConfigError where the library was built without Arrow.
std::unique_ptr<DemonstrationFile> open_lerobot(const std::string& path, const std::string& instruction);

/// Throws ConfigError: the library was built without Arrow.
[[noreturn]] void refuse_lerobot(const std::string& path);

}  // namespace physgen
