#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <physgen/core/choice.h>
#include <physgen/policy/train_mode.h>
#include <physgen/train/trainer.h>

namespace physgen {

/// What a plan rests on: sizes alone, or steps that are really done, on random windows.
enum class PlanBasis { estimate, measure };
constexpr auto choices_of(PlanBasis) {
  return std::to_array<Choice<PlanBasis>>({{PlanBasis::estimate, "estimate"}, {PlanBasis::measure, "measure"}});
}

/// Parameters of a part: "backbone", "action head", "codec", "adapters", "text", "VAE". Tables that are saved with them
/// count as frozen.
struct PlannedPart {
  std::string name;
  int64_t trained = 0;
  int64_t frozen = 0;
};

/// Something that takes room, in bytes.
struct PlannedBytes {
  std::string name;
  int64_t bytes = 0;
};

/// Room in one place, in bytes.
struct PlannedRoom {
  std::vector<PlannedBytes> parts;   ///< what takes it
  std::vector<PlannedBytes> phases;  ///< how much of it is taken, and when
  int64_t peak = 0;                  ///< of the phases
  int64_t free = 0;                  ///< what is there now; 0: not known
};

/// What steps on random windows took.
struct MeasuredSteps {
  double seconds = 0;           ///< a step
  double encoding_seconds = 0;  ///< of all frames, reading them aside
  int64_t peak_memory = 0;      ///< bytes, in a step
};

/// What a run will cost.
struct TrainingPlan {
  std::string device;     ///< "cpu", "cuda:0"
  std::string precision;  ///< that is computed in
  int64_t ranks = 1;      ///< processes that share a step
  TrainMode mode = TrainMode::full;
  int64_t steps = 0;
  int64_t batch = 0;             ///< windows a step
  int64_t micro_batch = 0;       ///< windows that one process computes at once
  int64_t windows = 0;           ///< different ones to train on
  int64_t held_out_windows = 0;  ///< different ones to evaluate on
  int64_t frames = 0;            ///< to encode, all variants
  std::vector<PlannedPart> parts;
  PlannedRoom memory;  ///< of one process, on the device
  PlannedRoom disk;    ///< of the run folder and the cache
  std::string folder;  ///< that the run is written to
  std::optional<MeasuredSteps> measured = {};

  /// How often each window is seen.
  double epochs() const;
  /// Memory of all processes that share the device's.
  int64_t memory_of_all() const;
};

/// Plans a fine-tuning. The demonstrations are read but for their frames; `out` and `cache` are not touched. Memory
/// beside the tensors is found by computing a little on the device. Throws as `finetune` does for what is wrong with
/// the input.
/// @param ranks  processes that would share each step, one a GPU
TrainingPlan plan_training(const FinetuneJob& job, PlanBasis basis, int64_t ranks = 1);

}  // namespace physgen
