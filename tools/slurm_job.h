#pragma once

namespace physgen {

/// Whether this process belongs to a job of Slurm's.
bool in_slurm_job();

/// Once the work is saved: where the signal was SIGUSR1, which a job's --signal=USR1@SECONDS sends before its time is
/// over, asks Slurm to begin the job anew. Warns where Slurm does not.
void requeue_after(int signal);

}  // namespace physgen
