#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include <physgen/core/choice.h>
#include <physgen/core/suggestion.h>
#include <physgen/device/precision.h>
#include <physgen/diffusion/objective.h>
#include <physgen/policy/controller.h>
#include <physgen/policy/round_batcher.h>
#include <physgen/wire/policy_description.h>

#include "shared_options.h"

namespace physgen {

/// Which policy acts, and how. @param config  with the members that the flags are named after
template <class Config>
void add_policy_options(CLI::App& command, Config& config) {
  command.add_option("--checkpoint", config.checkpoint, "Policy that acts");
  add_device_option(command, config.device);
  command
      .add_option(
          "--precision", config.precision,
          "auto, float32, bfloat16, or int8 on the CPU after physgen calibrate; auto: frames are encoded in the "
          "quicker one, the rest is float32")
      ->capture_default_str()
      ->check(CLI::IsMember(texts_of<Precision>()));
  command.add_option("--execute", config.execute, "Actions to execute between two looks; without it, as trained")
      ->check(CLI::Range(1, 4096));
  command.add_option("--sampler", config.sampler, comma_separated(texts_of<Sampler>()) + "; without it, as trained");
  command.add_option("--denoising-steps", config.denoising_steps, "Steps of an action chunk; without it, as trained")
      ->check(CLI::Range(1, 1000));
  command.add_option("--lookahead", config.lookahead, "none, warm_start or ensemble; without it, as trained");
  command.add_option("--when-full", config.when_full,
                     "What leaves a window that is full: exact, restart or ring; without it, as trained");
}

/// --batch and --batch-wait. @param what  the first one does
void add_batch_options(CLI::App& command, bool& batch, RoundBatcherOptions& batcher, const std::string& what);

/// As those flags say.
template <class Config>
ControllerOptions controller_options_of(const Config& config) {
  return {.sampler = config.sampler,
          .denoising_steps = config.denoising_steps,
          .execute = config.execute,
          .lookahead = config.lookahead,
          .when_full = config.when_full};
}

/// What a policy is, for those who do not have it.
/// @param execute  actions between two looks; 0: as trained
/// Throws ConfigError where that is more than it predicts.
PolicyDescription describe(const Policy& policy, const std::string& checkpoint, int64_t execute);

/// The word in a file of --token-file. Throws ConfigError where there is none.
std::string token_in(const std::string& file);

}  // namespace physgen
