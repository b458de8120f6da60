#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <physgen/policy/controller.h>

namespace physgen {

class RoundQueue;

/// How rounds are gathered and computed.
struct RoundBatcherOptions {
  /// What a round waits at most for those of other controllers, once there are threads to compute it.
  double wait_milliseconds = 2;
  /// How many controllers are to be expected. On the CPU half as many batches are computed at the same time, each on
  /// its share of the threads; on a GPU one.
  int64_t controllers = 1;
  int64_t threads = 0;  ///< of the CPU for all batches; 0: those of computations in the thread that makes the batcher
  /// As ControllerOptions::on_stage, of batches: encode, append, denoise. Called in a thread of the batcher.
  std::function<void(const char* stage, double milliseconds)> on_stage = {};
};

/// Gathers the rounds of controllers that ask at about the same time, each in a thread of its own, and computes them as
/// one batch. A controller belongs to it by `ControllerOptions::batcher`. A batch is computed as soon as all of its
/// controllers that have begun an episode have asked, but for those whose rounds are computed in another batch, and at
/// the latest `wait_milliseconds` after its first round could have been; a round that is left alone is computed by the
/// thread that asks. So the others lose at most that time to a robot that is slow or idle. Whoever asks for what cannot
/// be computed gets the error alone; an error on the way is that of the whole batch, whose episodes begin anew.
class RoundBatcher {
 public:
  /// What was computed so far.
  struct Counts {
    int64_t batches = 0;  ///< of two rounds or more
    int64_t batched = 0;  ///< rounds in them
    int64_t alone = 0;    ///< rounds that were left alone
  };

  /// @param policy  of all of its controllers
  explicit RoundBatcher(std::shared_ptr<const Policy> policy, const RoundBatcherOptions& options = {});
  ~RoundBatcher();
  RoundBatcher(const RoundBatcher&) = delete;
  RoundBatcher& operator=(const RoundBatcher&) = delete;

  Counts counts() const;

 private:
  friend class Controller;

  std::shared_ptr<const Policy> policy_;
  std::unique_ptr<RoundQueue> queue_;
};

}  // namespace physgen
