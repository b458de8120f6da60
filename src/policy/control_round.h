#pragma once

#include <functional>
#include <string>
#include <vector>

#include <physgen/policy/action_sampler.h>
#include <physgen/policy/policy_config.h>
#include <physgen/vae/frame_encoder.h>

#include "device/graph_cache.h"
#include "policy/pack.h"

namespace physgen {

/// What a control round begins with, on the host.
struct RoundInputs {
  at::Tensor canvas;        ///< uint8 [H, W, 3]
  at::Tensor actions;       ///< [L, A] normalised, those executed since the last frame and zeros
  at::Tensor state;         ///< [S], or undefined
  at::Tensor noise, start;  ///< [1, chunks L, A], as of `ActionSampler::sample`
  at::Generator generator;
};

/// How rounds are computed.
struct ControlRoundOptions {
  int64_t execute = 1;  ///< actions executed from one round to the next
  WhenFull when_full = WhenFull::exact;
  bool graphs = true;  ///< off: on CUDA, too, each operation is launched by itself
};

/// What the control rounds of one robot compute on the device: a frame and what was executed become a condition, and
/// noise becomes actions. All that one round leaves to the next lies where it lies for good, and each stage is the same
/// program for the same number of packs, so that on CUDA it is one launch.
class ControlRound {
 public:
  ControlRound(const PolicyConfig& config, PhysGenModel model, FrameEncoder encoder, ActionSampler sampler,
               at::Device device, const ControlRoundOptions& options);

  /// An episode begins.
  void reset(const std::string& instruction);

  /// One round: normalised actions [1, chunks L, A] on the host.
  /// @param on_stage  as of `timed_stage`: encode, append, denoise
  at::Tensor run(const RoundInputs& inputs, const std::function<void(const char*, double)>& on_stage = {});

  /// The condition of the frame to come [1, M, C]; undefined before the first round.
  const at::Tensor& frame_condition() const { return frame_condition_; }

  /// The stream of all this, to be current around it.
  GraphCache& graphs() { return graphs_; }

 private:
  friend class RoundBatch;

  void encode(const at::Tensor& canvas);
  void append();
  void denoise(bool is_warm, const at::Generator& generator);

  // The parts of a round that are the same alone and among others.
  void take(const RoundInputs& inputs);
  void make_room();
  bool begins_anew() const { return window_.slides() && when_full_ != WhenFull::ring; }
  // Windows that are encoded anew every round leave no keys to the next.
  bool keeps_keys() const { return !begins_anew() || when_full_ == WhenFull::restart; }
  int64_t first() const;
  PackInputs packs() const { return begins_anew() ? window_.all() : window_.newest(); }
  void keep_conditions(const at::Tensor& condition, const at::Tensor& frame_condition);
  void finish();

  const PolicyConfig& config_;
  PhysGenModel model_;
  FrameEncoder encoder_;
  ActionSampler sampler_;
  at::Device device_;
  WhenFull when_full_;
  GraphCache graphs_;
  PackWindow window_;
  int64_t round_ = 0;
  std::vector<KvCache> caches_;
  TextFeatures text_;
  at::Tensor canvas_, latent_, anchor_, condition_, frame_condition_, predicted_;
  at::Tensor inputs_, actions_, noise_, start_, state_;  // the first is one piece of memory with all others
};

/// Into memory that stays; the first time decides where it is. An undefined value changes nothing.
void keep(at::Tensor& kept, const at::Tensor& value, at::Device device);

/// Of the newest pack, which is what a round goes on with. @param all  [B, P, ...]
inline at::Tensor of_newest(const at::Tensor& all) { return all.select(1, all.size(1) - 1); }

}  // namespace physgen
