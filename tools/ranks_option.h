#pragma once

#include <CLI/CLI.hpp>

namespace physgen {

/// --nproc of a training command.
CLI::Option* add_ranks_option(CLI::App& command, int64_t& ranks);

/// Where several processes were asked for, becomes torchrun with this very command, which begins them; else returns.
/// Throws ConfigError under torchrun or srun, which decide that themselves, and where there is no torchrun.
void begin_ranks(int64_t ranks);

}  // namespace physgen
