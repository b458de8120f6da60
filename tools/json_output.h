#pragma once

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace physgen {

/// Prints a command's result for programs; bytes that are no text become U+FFFD.
inline void print_json(const nlohmann::ordered_json& json) {
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace physgen
