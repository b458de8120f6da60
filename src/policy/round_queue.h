#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <physgen/policy/round_batcher.h>

#include "policy/control_round.h"

namespace physgen {

/// The rounds of a RoundBatcher's controllers that wait to be computed, and the threads that compute them.
class RoundQueue {
 public:
  /// @param lanes  threads, each of which computes a batch at a time on its share of the options' threads
  RoundQueue(const RoundBatcherOptions& options, int64_t lanes);
  /// Nobody waits any more.
  ~RoundQueue();
  RoundQueue(const RoundQueue&) = delete;
  RoundQueue& operator=(const RoundQueue&) = delete;

  /// Of a robot whose rounds are waited for, as long as it lives.
  class Seat {
   public:
    explicit Seat(RoundQueue& queue) : queue_(queue) { queue_.change_seats(1); }
    ~Seat() { queue_.change_seats(-1); }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

   private:
    RoundQueue& queue_;
  };

  /// Returns what the round gave in a batch or, where it is left alone, what `alone` gives in the caller's thread.
  /// Throws what computing it threw.
  at::Tensor run(ControlRound& round, const RoundInputs& inputs, const std::function<at::Tensor()>& alone);

  RoundBatcher::Counts counts() const;

 private:
  struct Request {
    ControlRound* round;
    const RoundInputs* inputs;
    std::promise<std::optional<at::Tensor>> answer;
  };

  void start_lane(int64_t threads);
  void change_seats(int64_t change);
  void work();
  bool all_have_asked() const;
  std::vector<Request> next_batch();
  std::vector<Request> take_share();
  void compute(std::vector<Request>& batch);
  void finish(int64_t rounds);

  RoundBatcherOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // what waits, who is waited for, or `stops_`
  std::vector<Request> waiting_;
  int64_t seats_ = 0, computed_ = 0;  // robots, and those whose rounds are computed now
  int64_t idle_ = 0;                  // lanes that compute nothing
  RoundBatcher::Counts counts_;
  bool stops_ = false;
  std::mutex told_;  // whoever tells `on_stage`
  std::vector<std::thread> lanes_;
};

}  // namespace physgen
