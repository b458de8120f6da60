#include "distributed/rank_place.h"

#include <cstdlib>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

#include "core/whole_number.h"

namespace physgen {
namespace {

constexpr int kMostRanks = 1 << 20;
constexpr int kLastPort = 65535;

std::string text_of(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before threads are begun
  return value ? value : "";
}

int number_of(const char* name, int least, int most) {
  const std::string text = text_of(name);
  const auto number = whole_number(text);
  if (number && *number >= least && *number <= most) return static_cast<int>(*number);
  throw ConfigError({.what = "a number of the environment of several processes is wrong",
                     .where = name,
                     .got = "\"" + text + "\"",
                     .expected = std::to_string(least) + " to " + std::to_string(most),
                     .next_step = "start with torchrun, or unset it to run alone"});
}

/// The names of the environment that starts several processes.
struct Names {
  const char* rank;
  const char* size;
  const char* local_rank;
};

/// Throws ConfigError where some of the names are set and others are not.
void require_all(const Names& names) {
  std::vector<std::string> missing;
  for (const char* name : {names.rank, names.size, names.local_rank, "MASTER_ADDR", "MASTER_PORT"}) {
    if (text_of(name).empty()) missing.emplace_back(name);
  }
  if (missing.empty()) return;
  throw ConfigError({.what = "the environment is half that of several processes",
                     .where = names.rank,
                     .got = "no " + comma_separated(missing),
                     .expected = "all that torchrun sets",
                     .next_step = "start with torchrun, or unset " + std::string(names.rank) + " to run alone"});
}

RankPlace place_of(const Names& names) {
  require_all(names);
  RankPlace place;
  place.size = number_of(names.size, 1, kMostRanks);
  place.rank = number_of(names.rank, 0, place.size - 1);
  place.local_rank = number_of(names.local_rank, 0, place.size - 1);
  place.master_host = text_of("MASTER_ADDR");
  place.master_port = number_of("MASTER_PORT", 1, kLastPort);
  place.agent_store = text_of("TORCHELASTIC_USE_AGENT_STORE") == "True";
  return place;
}

RankPlace place_among_ranks() {
  constexpr Names kTorchrun = {"RANK", "WORLD_SIZE", "LOCAL_RANK"};
  constexpr Names kSlurm = {"SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"};
  if (!text_of("RANK").empty() || !text_of("WORLD_SIZE").empty()) return place_of(kTorchrun);
  // One task of Slurm's is a process alone, as under sbatch and salloc.
  if (!text_of("SLURM_PROCID").empty() && text_of("SLURM_NTASKS") != "1" && !text_of("MASTER_ADDR").empty()) {
    return place_of(kSlurm);
  }
  return {};
}

}  // namespace

RankPlace rank_place() {
  RankPlace place = place_among_ranks();
  for (const char* name : {"TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"}) {
    if (!text_of(name).empty()) place.restarts += number_of(name, 0, kMostRanks);
  }
  return place;
}

}  // namespace physgen
