#pragma once

#include <signal.h>

#include <atomic>

#include <physgen/core/error.h>

#include "slurm_job.h"

namespace physgen {

/// The work was stopped by a signal and can be continued. Exit code 128 + the signal's number: 130, 143, or in a job of
/// Slurm's 138. Where another of several processes got the signal: as by SIGTERM.
class Interrupted : public Error {
 public:
  Interrupted(const Problem& problem, int signal) : Error(problem), signal_(signal) {}
  int exit_code() const override { return 128 + (signal_ ? signal_ : SIGTERM); }

 private:
  int signal_;
};

/// While it lives, the first SIGINT or SIGTERM sets a flag; a second one ends the process as usual. In a job of Slurm's
/// SIGUSR1 sets it, too.
class StopSignal {
 public:
  StopSignal() {
    requested_ = false;
    received_ = 0;
    struct sigaction action = {};
    action.sa_handler = [](int signal) {
      received_ = signal;
      requested_ = true;
    };
    action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigaction(SIGINT, &action, &before_[0]);
    sigaction(SIGTERM, &action, &before_[1]);
    sigaction(SIGUSR1, nullptr, &before_[2]);
    action.sa_flags = SA_RESTART;
    if (in_slurm_job()) sigaction(SIGUSR1, &action, nullptr);
  }
  ~StopSignal() {
    sigaction(SIGINT, &before_[0], nullptr);
    sigaction(SIGTERM, &before_[1], nullptr);
    sigaction(SIGUSR1, &before_[2], nullptr);
  }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  const std::atomic<bool>& requested() const { return requested_; }
  /// The number of the signal that came; 0 before.
  int received() const { return received_; }

 private:
  // A signal handler reaches nothing else.
  static inline std::atomic<bool> requested_ = false;
  static inline std::atomic<int> received_ = 0;
  struct sigaction before_[3];
};

}  // namespace physgen
