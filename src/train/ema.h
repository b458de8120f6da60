#pragma once

#include <physgen/layers/state_dict.h>

namespace physgen {

/// Averages of parameters over the steps, which act better than the last ones do: e <- d e + (1 - d) p after each step.
/// The decay d is min(decay, (1 + n) / (10 + n)) at update n, so that a short run forgets its random beginning.
class Ema {
 public:
  /// @param parameters  shared with the module; the averages begin as copies of them
  Ema(NamedTensors parameters, double decay);

  /// @param step  the optimiser step that was just done, 1 for the first
  void update(int64_t step);
  /// Exchanges parameters and averages; twice is as if never.
  void swap();

  /// By the parameters' names. Shares memory.
  const NamedTensors& averages() const { return averages_; }

 private:
  NamedTensors parameters_, averages_;
  double decay_;
};

/// Puts the averages in the parameters' place for as long as it lives.
class EmaScope {
 public:
  explicit EmaScope(Ema& ema) : ema_(ema) { ema_.swap(); }
  ~EmaScope() { ema_.swap(); }
  EmaScope(const EmaScope&) = delete;
  EmaScope& operator=(const EmaScope&) = delete;

 private:
  Ema& ema_;
};

}  // namespace physgen
