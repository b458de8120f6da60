#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <vector>

#include "train/ema.h"
#include "train/optimizer.h"

namespace physgen {

class Ranks;

/// A micro-batch of a step. Each loss of the step is a sum of terms over all its parts, divided by their number.
struct StepPart {
  std::vector<double> counts;                     ///< of each loss's terms in this part
  std::function<std::vector<at::Tensor>()> sums;  ///< runs the model: the sum of each loss's terms, float32 []
};

/// What a step computes in.
struct Compute {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< of matrix products; parameters and their optimizer stay in float32
};

/// What a step did.
struct StepOutcome {
  std::vector<double> losses;
  double loss = 0;  ///< their sum
  double gradient_norm = 0;
  bool finite = true;                   ///< false: parameters, optimizer and averages are as they were
  std::vector<int> not_finite_on = {};  ///< ranks whose own loss was not finite, where there are several
  std::vector<double> notes = {};       ///< what was given, summed over all ranks
};

/// One optimiser step, the only one there is: forward, backward, clipping, the finite test, AdamW, averages. The device
/// is waited for once, when the losses and the gradients' norm are read.
class TrainStep {
 public:
  /// @param ema_decay  of the averaged weights; nothing: there are none
  /// @param ranks      that share each step: sums and counts are those of all of them; null: this process is alone
  TrainStep(std::vector<OptimizedParameter> parameters, const OptimizerConfig& config, std::optional<double> ema_decay,
            const Compute& compute, Ranks* ranks = nullptr);

  /// @param parts  of this rank
  /// @param step   that is done by this, 1 for the first
  /// @param notes  numbers that all ranks are to know the sum of
  StepOutcome run(const std::vector<StepPart>& parts, double learning_rate, int64_t step,
                  std::vector<double> notes = {});

  const AdamW& optimizer() const { return optimizer_; }
  AdamW& optimizer() { return optimizer_; }
  std::optional<Ema>& averages() { return averages_; }

  /// Called with the name and the milliseconds of each stage ("forward", "backward", "optimizer"); the device is waited
  /// for after each. Empty: nothing is timed.
  std::function<void(const char*, double)> on_stage;

 private:
  std::vector<at::Tensor> backward(const StepPart& part, const std::vector<double>& counts, bool last);
  void agree(StepOutcome& outcome);
  template <class Work>
  auto timed(const char* stage, const Work& work);

  OptimizerConfig config_;
  Compute compute_;
  AdamW optimizer_;
  std::optional<Ema> averages_;
  Ranks* ranks_;
};

}  // namespace physgen
