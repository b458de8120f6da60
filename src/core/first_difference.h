#pragma once

#include <string>
#include <utility>

namespace physgen {

/// The first line in which two texts differ, of each, without its indentation and the comma at its end; empty where a
/// text has no such line.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b);

}  // namespace physgen
