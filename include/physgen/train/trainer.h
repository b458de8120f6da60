#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <physgen/train/finetune_config.h>
#include <physgen/train/training_callbacks.h>

namespace physgen {

/// What to train, from what, to where.
struct FinetuneJob {
  FinetuneConfig config;
  std::vector<std::string> data;     ///< files, LeRobot data sets or folders of them; each is a dataset of its own
  std::vector<double> weights;       ///< how often each dataset is drawn from, in any unit; empty: by its size
  std::string out;                   ///< the run folder
  std::string cache;                 ///< where encoded frames are kept; empty: "cache" in the run folder
  std::string vae;                   ///< a VAE checkpoint; needed where `init` is empty
  std::string init;                  ///< a policy or a pretrained backbone to start from, or empty
  std::string instruction;           ///< replaces the data's own, or empty
  double resample = 0;               ///< control steps a second that all data are brought to; 0: as they are
  std::vector<std::string> cameras;  ///< must be those of `init`; empty: as the config or `init` says
  std::string command = {};          ///< that began the run, for its report
  std::vector<ConfigOrigin> origins = {};  ///< of the settings, for its report
  std::string device = "auto";
  bool resume = false;  ///< go on from the newest good checkpoint of the run folder, or start where there is none
};

template <class Field>
void describe(FinetuneJob& job, Field& field) {
  field("config", job.config);
  field("data", job.data);
  field("weights", job.weights);
  field("vae", job.vae);
  field("init", job.init);
  field("instruction", job.instruction);
  field("resample", job.resample);
  field("cameras", job.cameras);
  field("command", job.command);
  field("origins", job.origins);
}

/// Trains a policy and leaves in `out`: job.json, metrics.jsonl and the same for TensorBoard, best/ (with imagined.png,
/// what the policy imagines of held-out windows) and step-N/ (policy checkpoints; the latter can be continued from). On
/// the CPU the same job gives the same bits, broken and resumed or not. Under torchrun or srun all processes share each
/// step: the batch is cut over them, and one of them writes. Throws ConfigError for what does not fit together, for a
/// run folder that holds a run (without `resume`) or is in use, FormatError for damaged files, and Error when the
/// losses stay non-finite. What is wrong with the input is found before `out` is touched.
/// @param stop  once true, the step is finished, the run saved and the result says `stopped`
TrainingResult finetune(FinetuneJob job, const TrainingCallbacks& callbacks, const std::atomic<bool>& stop);

/// Throws ConfigError where the run folder holds something that the job does not go on with. Touches nothing.
void refuse_other_run(const FinetuneJob& job);

/// Fills `cache` with the encoded frames of a job, for any number of runs that name it with the same data, VAE, canvas,
/// augmentation, precision and device. Frames that are there are not encoded again. Throws as `finetune` does.
/// @param stop  once true, the encoding ends, and the result is false
bool encode_demonstrations(const FinetuneJob& job, const TrainingCallbacks& callbacks, const std::atomic<bool>& stop);

/// The job that a run folder was made by, without `out`, `cache`, `device` and `resume`; nothing where it holds no run.
std::optional<FinetuneJob> recorded_job(const std::string& out);

}  // namespace physgen
