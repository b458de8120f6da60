#pragma once

#include <string>

namespace physgen {

/// "physgen 0.1.0 (LibTorch 2.11.0, CUDA no, Arrow yes)": this build, not what the machine has.
std::string version_text();

}  // namespace physgen
