#pragma once

#include <string>
#include <vector>

#include <physgen/policy/action_sampler.h>
#include <physgen/policy/policy_config.h>
#include <physgen/vae/frame_encoder.h>

#include "device/graph_cache.h"
#include "policy/pack.h"

namespace physgen {

/// What the control rounds of one robot compute on the device: a frame and what was executed become a condition, and
/// noise becomes actions. All that one round leaves to the next lies where it lies for good, and each stage is the same
/// program for the same number of packs, so that on CUDA it is one launch.
class ControlRound {
 public:
  /// @param graphs  off: on CUDA, too, each operation is launched by itself
  ControlRound(const PolicyConfig& config, PhysGenModel model, FrameEncoder encoder, ActionSampler sampler,
               int64_t execute, at::Device device, bool graphs);

  /// An episode begins.
  void reset(const std::string& instruction);

  /// First: the latent of the newest frame. @param canvas  uint8 [H, W, 3] on the host
  void encode(const at::Tensor& canvas);
  /// Then: what it shows is taken up. @param actions  [L, A] normalised, those executed since the last frame and zeros
  /// @param state  [S], or undefined
  void append(const at::Tensor& actions, const at::Tensor& state);
  /// Last: normalised actions [1, chunks L, A] on the host. Parameters as ActionSampler::sample, on the host.
  at::Tensor denoise(const at::Tensor& noise, const at::Tensor& start, const at::Generator& generator);

  /// The condition of the frame to come [1, M, C]; undefined before the first round.
  const at::Tensor& frame_condition() const { return frame_condition_; }

  /// The stream of all this, to be current around it.
  GraphCache& graphs() { return graphs_; }

 private:
  Conditions slide();

  const PolicyConfig& config_;
  PhysGenModel model_;
  FrameEncoder encoder_;
  ActionSampler sampler_;
  at::Device device_;
  GraphCache graphs_;
  PackWindow window_;
  int64_t round_ = 0;
  std::vector<KvCache> caches_;
  TextFeatures text_;
  at::Tensor canvas_, latent_, actions_, state_, anchor_, condition_, frame_condition_, noise_, start_, predicted_;
};

}  // namespace physgen
