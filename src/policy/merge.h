#pragma once

#include <filesystem>

namespace physgen {

/// Writes the policy of `checkpoint` to `out` with its adapters added into the weights. Throws ConfigError where it has
/// none or `out` exists already, and as `load_policy` does.
void merge_policy(const std::filesystem::path& checkpoint, const std::filesystem::path& out);

}  // namespace physgen
