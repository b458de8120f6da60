#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/media/image.h>

namespace physgen {

class RoundBatcher;

/// What the robot perceives at one control round.
struct Observation {
  std::vector<Image> views;  ///< one a camera, in the order of `Policy::cameras()`, of any size, rows without padding
  /// The robot's state as the demonstrations hold it, in their units: joint positions in ManiSkill, the hand's pose and
  /// the fingers in LIBERO, observation.state in LeRobot's sets. Read only where `Policy::uses_state()`.
  std::vector<float> state;
};

/// How a policy is loaded. On CUDA LibTorch's settings of the whole process change: deterministic algorithms alone, no
/// TF32 in cuDNN. Load the first policy before other threads compute.
struct PolicyOptions {
  std::string device = "auto";  ///< "auto", "cpu", "cuda" or "cuda:1"
  /// Keeps the VAE's decoder, which `Controller::imagine` needs.
  bool imagines = false;
  /// What is computed in: "float32", "bfloat16", or "auto": frames are encoded in the quicker one, the rest is float32;
  /// or "int8", on the CPU: the layers that `physgen calibrate` has chosen, and the rest in bfloat16 where the CPU has
  /// it.
  std::string precision = "auto";
};

/// A trained policy: the weights and statistics of a checkpoint, ready to act. Immutable once loaded, so one policy may
/// be shared by controllers on several threads.
class Policy {
 public:
  /// Throws ConfigError when `checkpoint` does not exist, and for int8 on a GPU, on a CPU that does not multiply bytes,
  /// and without a calibration; FormatError when it is damaged or holds no policy.
  static std::shared_ptr<const Policy> load(const std::string& checkpoint, const PolicyOptions& options = {});

  ~Policy();
  std::string device() const;  ///< "cpu", "cuda:0"
  const std::vector<std::string>& cameras() const;
  int64_t frame_height() const;  ///< of the pictures that it was trained on, before the canvas; 0: not known
  const std::string& control_mode() const;
  int64_t action_width() const;
  int64_t chunk_length() const;  ///< L: actions of one chunk
  double control_rate() const;   ///< control steps a second of the demonstrations; 0: not known
  int64_t execute() const;       ///< control steps from one frame to the next, as trained
  bool uses_state() const;
  int64_t state_width() const;                       ///< numbers of the state that it looks at; 0: it does not
  const std::string& instruction() const;            ///< the instruction most seen in training; empty without any
  bool knows(const std::string& instruction) const;  ///< whether it was seen in training
  /// Of the demonstrations that it was last trained on; empty: not known.
  const std::string& data_sha256() const;
  /// Inclusive ranges of seeds that the demonstrator tried: evaluation excludes them.
  const std::vector<std::pair<int64_t, int64_t>>& seeds_tried() const;

 private:
  friend class Controller;
  struct Weights;
  explicit Policy(std::unique_ptr<Weights> weights);

  std::unique_ptr<Weights> weights_;
};

/// How the action head samples; zero and empty keep what the checkpoint says.
struct ControllerOptions {
  std::string sampler = {};     ///< "ddim", "ddpm" or "dpm_solver"
  int64_t denoising_steps = 0;  ///< 1 to 1000
  int64_t execute = 0;          ///< rows executed a round, 1 to L; other than trained is another rhythm than learned
  std::string lookahead = {};   ///< "none", "warm_start" or "ensemble"
  std::string when_full = {};   ///< "exact", "restart" or "ring": what leaves a window that is full, see WhenFull
  /// On CUDA each stage of a round is one launch, from its second time on.
  bool cuda_graphs = true;
  /// Computes the rounds of this controller together with those of others, see round_batcher.h; none: alone.
  std::shared_ptr<RoundBatcher> batcher = {};
  /// Told how long each stage of a round took: canvas, encode, append, denoise, actions. The device is waited for after
  /// each, so it is for measuring only. Rounds of a batch: canvas and actions alone.
  std::function<void(const char* stage, double milliseconds)> on_stage = {};
};

/// Drives one robot through one episode: a frame in, a chunk of actions out. Holds the key/value cache across control
/// rounds. One controller serves one episode at a time and one thread at a time; controllers of one policy are
/// independent, so run as many as there are robots.
class Controller {
 public:
  /// Throws ConfigError for another sampler, lookahead or `when_full` than there are, and for numbers out of range;
  /// Error for a batcher of another policy.
  explicit Controller(std::shared_ptr<const Policy> policy, const ControllerOptions& options = {});
  ~Controller();
  Controller(Controller&&) noexcept;

  /// Starts an episode: forgets every frame. The same seed gives the same actions for the same frames. Throws
  /// ConfigError for an instruction that the policy cannot take: one too long, or none of its table's; there is no
  /// episode then.
  void reset(const std::string& instruction, uint64_t seed);

  /// The next actions, [L, A] in the demonstrations' units, of which the caller executes the first `execute` rows
  /// before it calls again with the frame that it sees then.
  /// @param executed  the rows executed since the last call, [execute, A]; empty at the first call of an episode
  /// Throws Error for a wrong number of views, another size of `executed` or of the state, numbers that are not finite,
  /// given or predicted, or a call before `reset`. Where the round itself fails, the next call must be `reset`.
  Matrix act(const Observation& observation, const Matrix& executed);

  /// The canvas of the last `act`: what the policy saw. Throws Error before the first of an episode.
  const Image& canvas() const;

  /// The canvas that the policy expects to see at the next `act`, drawn from what it has seen so far. Acting does not
  /// need it and does not change with it. Noise of a policy that was trained without the loss of frames. Throws Error
  /// before the first `act` of an episode, and for a policy that was loaded without `imagines`.
  Image imagine();

 private:
  struct Episode;
  std::unique_ptr<Episode> episode_;
};

}  // namespace physgen
