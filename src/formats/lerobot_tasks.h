#pragma once

#include <filesystem>
#include "formats/lerobot_metadata.h"

namespace physgen {

/// Says what the robot is asked to do in each episode: its one task; or, where `meta` names none or several, those that
/// its rows name: `task_index` in the rows, its sentence in meta/tasks.parquet (v3.0) or meta/tasks.jsonl. Throws
/// FormatError where there is none.
void read_lerobot_tasks(const std::filesystem::path& folder, LeRobotMetadata& metadata);

}  // namespace physgen
