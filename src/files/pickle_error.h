#pragma once

#include <string>

#include "physgen/core/error.h"

namespace physgen {

inline constexpr const char* kSaveStateDict = "save the state dict alone: torch.save(model.state_dict(), path)";

/// Throws the FormatError of a pickle.
/// @param source  the name of the file
[[noreturn]] inline void refuse_pickle(const std::string& source, const std::string& got, const std::string& expected,
                                       const std::string& next_step = "") {
  throw FormatError({.what = "a pickle is damaged or holds no state dict",
                     .where = source,
                     .got = got,
                     .expected = expected,
                     .next_step = next_step});
}

}  // namespace physgen
