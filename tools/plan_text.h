#pragma once

#include <string>

#include "bench/training_plan.h"

namespace physgen {

/// A plan for people: one table.
std::string to_text(const TrainingPlan& plan);
/// For programs: one JSON object, in bytes and seconds.
std::string to_json(const TrainingPlan& plan);

}  // namespace physgen
