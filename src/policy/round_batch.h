#pragma once

#include <functional>
#include <vector>

#include "policy/control_round.h"

namespace physgen {

/// A round of each of several robots that act by one policy, computed together. Each keeps its own window, keys and
/// values, and noise, and gets what it would get alone up to the rounding of sums in other orders.
class RoundBatch {
 public:
  /// Both are there until `run` is done; a robot is added once.
  void add(ControlRound& round, const RoundInputs& inputs);

  /// As ControlRound::run of each, in the order in which they were added.
  std::vector<at::Tensor> run(const std::function<void(const char*, double)>& on_stage = {});

 private:
  struct Member {
    ControlRound* round;
    const RoundInputs* inputs;
  };
  using Members = std::vector<Member>;

  void encode();
  void append();
  std::vector<at::Tensor> denoise();

  // Of members that are alike.
  static WindowGroup window_group(const Members& members);
  static void hand_out(const Members& members, const WindowGroup& group, const Conditions& conditions);
  static at::Tensor sample(const Members& members);

  Members members_;
};

}  // namespace physgen
