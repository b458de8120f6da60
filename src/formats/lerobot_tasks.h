#pragma once

#include <filesystem>
#include <string>

#include "formats/lerobot_metadata.h"

namespace physgen {

/// Gives the episodes without an instruction that of the task that their rows name: `task_index` in the rows, its
/// sentence in meta/tasks.parquet (v3.0) or meta/tasks.jsonl. Throws FormatError where there is none, and for several
/// tasks in one episode.
void read_lerobot_tasks_of_rows(const std::filesystem::path& folder, LeRobotMetadata& metadata);

/// The one sentence among an episode's. Throws FormatError. @param where  for the error
std::string instruction_of(const std::vector<std::string>& tasks, const std::string& where);

}  // namespace physgen
