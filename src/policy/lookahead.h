#pragma once

#include <ATen/core/Tensor.h>

#include <deque>

#include <physgen/policy/model_config.h>

namespace physgen {

/// What becomes of the predictions past the chunk that is executed, across the control rounds of one episode.
class LookaheadPlan {
 public:
  /// @param execute  control steps from one round to the next
  LookaheadPlan(Lookahead lookahead, int64_t execute) : lookahead_(lookahead), execute_(execute) {}

  /// With `warm_start` and a round before this one: its prediction moved up by the steps executed, the end held still,
  /// to begin the next denoising with. Else undefined.
  at::Tensor start() const;

  /// The plan of this round. With `ensemble`: each step is the mean over this and earlier predictions of it, with
  /// weights exp(-0.01 i), i = 0 for the oldest (arXiv 2304.13705). @param predicted  [1, tokens, A]
  at::Tensor plan(const at::Tensor& predicted);

  void clear() { earlier_.clear(); }

 private:
  at::Tensor averaged(const at::Tensor& predicted) const;

  Lookahead lookahead_;
  int64_t execute_;
  std::deque<at::Tensor> earlier_;  // predictions of earlier rounds, the newest first
};

}  // namespace physgen
