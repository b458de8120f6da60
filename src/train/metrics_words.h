#pragma once

#include "core/json_view.h"

namespace physgen {

/// What errors about a run's metrics.jsonl say.
inline constexpr JsonWords kMetricsWords = {.damaged = "the metrics of a run are damaged",
                                            .missing = "the metrics of a run cannot be read",
                                            .next_step = "remove the line"};

}  // namespace physgen
