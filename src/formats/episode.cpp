#include <physgen/formats/episode.h>

#include <algorithm>

namespace physgen {

std::vector<EpisodePart> parts_of(const EpisodeInfo& info) {
  std::vector<EpisodePart> parts = {{0, info.control_steps, true, info.instruction}};
  for (const LaterTask& later : info.later_tasks) {
    if (later.row >= info.control_steps) break;
    parts.back().last = later.row;
    parts.back().ends = false;
    parts.push_back({later.row, info.control_steps, true, later.instruction});
  }
  return parts;
}

EpisodePart part_of(const EpisodeInfo& info, int64_t row) {
  const std::vector<EpisodePart> parts = parts_of(info);
  return *std::ranges::find_if(parts, [&](const EpisodePart& part) { return row < part.last || part.ends; });
}

}  // namespace physgen
