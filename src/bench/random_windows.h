#pragma once

#include "bench/random_policy.h"
#include "train/window_source.h"

namespace physgen {

/// A batch of random windows, the same at every step.
class RandomWindows final : public WindowSource {
 public:
  RandomWindows(const PolicyConfig& config, int64_t batch) : windows_(random_windows(config, batch)), size_(batch) {}

  int64_t size() const override { return size_; }
  WindowBatch batch(int64_t position, int64_t count) const override;
  std::string names(int64_t, int64_t) const override { return "drawn at random"; }

 private:
  WindowBatch windows_;
  int64_t size_;
};

}  // namespace physgen
