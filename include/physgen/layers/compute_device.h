#pragma once

#include <c10/core/Device.h>

#include <string>

namespace physgen {

/// The device that "auto", "cpu", "cuda" or "cuda:1" names; auto is the first GPU where there is one.
/// Throws ConfigError for another text and for a GPU that is not there.
at::Device compute_device(const std::string& text);

}  // namespace physgen
