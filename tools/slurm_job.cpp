#include "slurm_job.h"

#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

namespace physgen {
namespace {

std::string job() {
  const char* value = std::getenv("SLURM_JOB_ID");  // NOLINT(concurrency-mt-unsafe): nobody changes it
  return value ? value : "";
}

bool requeue(std::string name) {
  std::string program = "scontrol", verb = "requeue";
  char* words[] = {program.data(), verb.data(), name.data(), nullptr};
  pid_t child = 0;
  if (posix_spawnp(&child, words[0], nullptr, nullptr, words, environ) != 0) return false;
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool in_slurm_job() { return !job().empty(); }

void requeue_after(int signal) {
  if (signal != SIGUSR1) return;
  if (requeue(job())) {
    spdlog::info("the time of job {} is nearly over: Slurm begins it anew", job());
  } else {
    spdlog::warn("the time of job {} is nearly over, and `scontrol requeue {}` failed: submit it again", job(), job());
  }
}

}  // namespace physgen
