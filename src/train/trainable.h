#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <physgen/train/metrics.h>

#include "distributed/ranks.h"
#include "train/train_step.h"
#include "train/work_share.h"

namespace physgen {

/// Writes the files of a checkpoint's weights into a directory that is there. May be called on another thread, and more
/// than once.
using WriteWeights = std::function<void(const std::filesystem::path& directory)>;

/// What is trained: a model with what a step of it learns from, how good it is, and how it is saved.
class Trainable {
 public:
  virtual ~Trainable() = default;

  virtual std::vector<OptimizedParameter> parameters() const = 0;
  virtual std::vector<std::string> loss_names() const = 0;

  /// A share of the batch of a step in its micro-batches: a pure function of both, called on another thread than the
  /// rest.
  /// @param step  done before it, 0 for the first
  virtual std::vector<StepPart> prepare(int64_t step, const WorkShare& share) const = 0;

  /// Where the samples of a share of a step come from, for errors.
  virtual std::string sources(int64_t step, const WorkShare& share) const = 0;

  /// The numbers and the score of the weights as they are; nothing where nothing is held out.
  /// @param ranks  that measure a share each; null: this process is alone
  virtual std::optional<EvaluationMetrics> evaluate(Ranks* ranks) = 0;

  /// The weights as they are, copied, so that they may be written while they are trained on. What is returned must not
  /// outlive this.
  /// @param step  that they have seen
  /// @param best  they are the best so far: whoever looks at the run looks at these
  virtual WriteWeights copy(int64_t step, bool best) const = 0;

  /// `kind` in the checkpoint's manifest.
  virtual const char* kind() const = 0;
};

}  // namespace physgen
