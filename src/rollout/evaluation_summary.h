#pragma once

#include <string>

#include "physgen/rollout/report.h"

namespace physgen {

inline constexpr const char* kSummaryName = "summary.json";

/// An evaluation in numbers, and what made it: the text of its summary.json.
std::string summary_json(const EvaluationReport& report);

/// Fills in what summary.json says of the command, the program and the shards; nothing where there is no such file.
/// Throws FormatError for a damaged one.
void read_provenance(EvaluationReport& report);

}  // namespace physgen
