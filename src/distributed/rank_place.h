#pragma once

#include <cstdint>
#include <string>

namespace physgen {

/// Where this process stands among those that run together.
struct RankPlace {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  ///< on its machine
  std::string master_host;
  int master_port = 0;
  bool agent_store = false;  ///< torchrun itself holds the store that the ranks meet at; else rank 0 does
  int restarts = 0;          ///< how often torchrun or Slurm began all ranks anew
};

/// Of the environment that torchrun makes (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), or of Slurm's
/// (SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, and MASTER_ADDR with MASTER_PORT, which a job's script sets). Alone
/// where neither is there. Throws ConfigError for half an environment and for numbers that do not fit.
RankPlace rank_place();

}  // namespace physgen
