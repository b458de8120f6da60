#pragma once

#include <functional>
#include <string>
#include <vector>

#include <physgen/train/trainer.h>

#include "train/demonstrations.h"

namespace physgen {

/// The demonstrations of a job, but for their frames. Throws as `read_demonstrations` does.
/// @param note  told what is left out; may be empty
std::vector<DemonstrationSet> read_sets(const FinetuneJob& job, const std::function<void(const std::string&)>& note);

}  // namespace physgen
