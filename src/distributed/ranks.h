#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "distributed/rank_place.h"
#include "distributed/sum_times.h"

namespace physgen {

/// The processes that train together, as this one sees them: PyTorch's c10d, with Gloo for what lies on the host and on
/// CPUs, NCCL for what lies on GPUs. Every function but the first two is called by all ranks in the same order. Where
/// one of them is missing for longer than the time-out, has ended, or calls something else, all throw Error, which says
/// what each rank has come to.
class Ranks {
 public:
  /// Meets the others. Throws ConfigError where the library was built without Gloo.
  /// @param device  of this rank
  Ranks(RankPlace place, at::Device device, std::chrono::milliseconds timeout);
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return place_.rank; }
  int size() const { return place_.size; }

  /// The sum over all ranks of each number.
  std::vector<double> sum(std::vector<double> numbers);
  /// Waits until all ranks are here, for a day at most: what comes before may take long.
  void meet();
  /// Throws ConfigError where a text is not the same on all ranks, naming the first rank that differs from rank 0, and
  /// the first line.
  /// @param what  of the text, for the error: "the config"
  void require_same(const std::string& text, const std::string& what);

  /// From now on `backward` sums the gradients of these parameters.
  /// @param parameters  those that are trained, the same on all ranks
  void watch(const std::vector<at::Tensor>& parameters);
  /// The backward pass of a part of a step. It adds to this rank's own gradients; the last part's makes them, while it
  /// runs, the sums over all ranks.
  void backward(const at::Tensor& loss, bool last);

  /// Told, after the last part's backward pass, when each of its sums ran; of none on GPUs, whose sums run on their own
  /// clock. Set before `watch`; empty: nothing is timed.
  std::function<void(const std::vector<SumTime>&)> on_sums;

 private:
  struct Group;

  template <class Work>
  void guarded(const std::string& kind, const Work& work);
  std::string whereabouts();
  void await(const std::vector<std::string>& keys, std::chrono::milliseconds patience);
  std::vector<double> sum_block(const std::vector<double>& numbers, size_t room);

  RankPlace place_;
  at::Device device_;
  std::chrono::milliseconds timeout_;
  std::unique_ptr<Group> group_;
};

}  // namespace physgen
