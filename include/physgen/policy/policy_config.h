#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <physgen/codec/canvas.h>
#include <physgen/codec/normalizer.h>
#include <physgen/core/config.h>
#include <physgen/policy/model_config.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// Low-rank adapters on both encoders of the backbone.
struct AdapterConfig {
  int64_t rank = 0;   ///< rank of the adapters; 0: none
  double alpha = 32;  ///< what the adapters add is scaled by alpha / rank
};

template <class Field>
void describe(AdapterConfig& config, Field& field) {
  field("rank", config.rank, {.least = 0, .most = 4096});
  field("alpha", config.alpha, {.least = 0});
}

/// config.json of a policy checkpoint: all that is needed to act besides the tensors.
struct PolicyConfig {
  ModelConfig model;
  AdapterConfig adapter = {};
  VaeConfig vae;
  CanvasConfig canvas;
  int64_t frame_height = 0;       ///< pixels of the demonstrations' square pictures, a side; 0: not known, not square
  std::string control_mode = {};  ///< what the actions' numbers mean
  double frames_per_second = 0;   ///< control steps a second of the demonstrations; 0: not known
  std::string robot = {};         ///< what they were recorded with; empty: not known
  std::vector<std::string> action_names = {};  ///< names of the columns; none: as the control mode has them
  std::vector<std::string> tasks = {};         ///< the simulator's names of what was trained on
  std::vector<std::string> instructions = {};  ///< what was asked for, the most frequent first
  Normalizer actions = {};
  Normalizer states = {};                                     ///< empty without a state token
  std::vector<std::pair<int64_t, int64_t>> seeds_tried = {};  ///< first and last of each range of demonstration seeds
  std::string data_sha256 = {};                               ///< SHA-256 of the demonstrations' `sha256_lines`
  int64_t step = 0;                                           ///< optimiser steps that the weights have seen
};

template <class Field>
void describe(PolicyConfig& config, Field& field) {
  field("model", config.model);
  field("adapter", config.adapter);
  field("vae", config.vae);
  field("canvas", config.canvas);
  field("frame_height", config.frame_height, {.least = 0});
  field("control_mode", config.control_mode);
  field("frames_per_second", config.frames_per_second, {.least = 0});
  field("robot", config.robot);
  field("action_names", config.action_names);
  field("tasks", config.tasks);
  field("instructions", config.instructions);
  field("actions", config.actions);
  field("states", config.states);
  field("seeds_tried", config.seeds_tried);
  field("data_sha256", config.data_sha256);
  field("step", config.step, {.least = 0});
}

/// config.json of a policy checkpoint whose manifest holds. Throws as `load_policy` does.
PolicyConfig read_policy_config(const std::filesystem::path& path);

/// Throws ConfigError where the parts of a policy do not go together: the canvas is not a whole number of latents, the
/// latents are not those of the backbone, the statistics are not one number a dimension.
/// @param where  the config's name, for errors
void check_sizes(const PolicyConfig& config, const std::string& where);

}  // namespace physgen
