#pragma once

#include <cstdint>
#include <string>

namespace physgen {

/// A part of an evaluation. Its episodes are dealt like cards: of three shards the first has episodes 0, 3, 6, …
struct Shard {
  int64_t number = 1;  ///< 1 to count
  int64_t count = 1;   ///< 1: the whole evaluation

  bool has(int64_t episode) const { return episode % count == number - 1; }
  std::string text() const;    ///< "2/8"
  std::string folder() const;  ///< "shard-2-of-8"
};

/// @param text  "2/8"; empty: the whole. Throws ConfigError for another form.
Shard parse_shard(const std::string& text);

/// As parse_shard; "auto" is what the environment says: the place in a job array of Slurm (SLURM_ARRAY_TASK_ID,
/// SLURM_ARRAY_TASK_MIN, SLURM_ARRAY_TASK_COUNT), or RANK and WORLD_SIZE. Throws ConfigError where that is nothing,
/// only in part, both of them, or no place.
Shard chosen_shard(const std::string& text);

}  // namespace physgen
