#pragma once

#include <cmath>
#include <string>

#include "support/tiny_model.h"
#include "train/window_source.h"

namespace physgen {

/// The same windows at every step.
class FixedWindows final : public WindowSource {
 public:
  FixedWindows(const ModelConfig& config, int64_t count) : all_(make_batch(config, count)), count_(count) {}

  /// Makes one of them have no numbers.
  void spoil(int64_t position) { all_.latents[position].fill_(std::nan("")); }

  int64_t size() const override { return count_; }
  WindowBatch batch(int64_t position, int64_t count) const override {
    WindowBatch batch = all_;
    for (at::Tensor* part : {&batch.latents, &batch.frame_valid, &batch.actions, &batch.action_valid, &batch.states}) {
      if (part->defined()) *part = part->narrow(0, position % count_, count);
    }
    batch.instructions.resize(static_cast<size_t>(count));
    return batch;
  }
  std::string names(int64_t position, int64_t count) const override {
    return std::to_string(position) + " to " + std::to_string(position + count - 1);
  }

 private:
  WindowBatch all_;
  int64_t count_;
};

}  // namespace physgen
