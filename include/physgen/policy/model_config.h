#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <physgen/backbone/nova_config.h>
#include <physgen/codec/canvas.h>
#include <physgen/codec/pack_layout.h>
#include <physgen/core/choice.h>
#include <physgen/diffusion/objective.h>
#include <physgen/vae/vae_config.h>

namespace physgen {

/// How an instruction becomes features: not at all, by its bytes, or by what a
/// pretrained text encoder gave for it (which is what bytes become where a run starts from a backbone that has one).
enum class TextEncoder { none, bytes, table };
constexpr auto choices_of(TextEncoder) {
  return std::to_array<Choice<TextEncoder>>(
      {{TextEncoder::none, "none"}, {TextEncoder::bytes, "bytes"}, {TextEncoder::table, "table"}});
}

/// What the action head attends to: the pack's action outputs, or all outputs of the pack.
enum class HeadCondition { actions, pack };
constexpr auto choices_of(HeadCondition) {
  return std::to_array<Choice<HeadCondition>>({{HeadCondition::actions, "actions"}, {HeadCondition::pack, "pack"}});
}

/// What happens with the predictions past the chunk that is executed.
enum class Lookahead { none, warm_start, ensemble };
constexpr auto choices_of(Lookahead) {
  return std::to_array<Choice<Lookahead>>(
      {{Lookahead::none, "none"}, {Lookahead::warm_start, "warm_start"}, {Lookahead::ensemble, "ensemble"}});
}

/// What happens when the window is full. `exact`: the oldest pack leaves and the rest is encoded anew, every round.
/// `restart`: all but the newest half leave, these are encoded anew, and the window grows again. `ring`: the oldest
/// pack's keys are evicted (rope only).
enum class WhenFull { exact, restart, ring };
constexpr auto choices_of(WhenFull) {
  return std::to_array<Choice<WhenFull>>(
      {{WhenFull::exact, "exact"}, {WhenFull::restart, "restart"}, {WhenFull::ring, "ring"}});
}

/// The Action-DiT.
struct ActionHeadConfig {
  int64_t width = 512;  ///< numbers of a token; a multiple of `heads`
  int64_t depth = 6;    ///< transformer blocks
  int64_t heads = 8;    ///< of attention
  int64_t chunks = 3;   ///< chunks predicted jointly: the one to execute and the lookahead
  HeadCondition condition = HeadCondition::actions;
  Objective objective = Objective::epsilon;  ///< `epsilon`: the noise; `flow_matching`: the velocity; `discrete`: a bin
  int64_t bins = 256;                        ///< of each number of an action, where `objective` is `discrete`
  Sampler sampler = Sampler::ddim;
  int64_t denoising_steps = 10;           ///< steps from noise to a chunk of actions
  Lookahead lookahead = Lookahead::none;  ///< `warm_start`: the next begin from them; `ensemble`: their mean counts
};

template <class Field>
void describe(ActionHeadConfig& config, Field& field) {
  field("width", config.width, {.least = 4});
  field("depth", config.depth, {.least = 1});
  field("heads", config.heads, {.least = 1});
  field("chunks", config.chunks, {.least = 1});
  field("condition", config.condition);
  field("objective", config.objective);
  field("bins", config.bins, {.least = 2, .most = 65536});
  field("sampler", config.sampler);
  field("denoising_steps", config.denoising_steps, {.least = 1, .most = 1000});
  field("lookahead", config.lookahead);
}

/// Everything that decides the tensors of a model and how it is run. The defaults are the full size.
struct ModelConfig {
  NovaConfig backbone;
  TextEncoder text_encoder = TextEncoder::bytes;
  int64_t text_slot_bytes = 8;               ///< bytes of an instruction to a token; divides `backbone.text_width`
  std::vector<std::string> text_table = {};  ///< the instructions of a table, which training fills in
  std::vector<int64_t> text_lengths = {};    ///< tokens of each
  CodecConfig codec;
  ActionHeadConfig head;
  int64_t packs = 5;  ///< of a window: frames with their actions that the model looks back on
  WhenFull when_full = WhenFull::exact;

  PackLayout layout() const;
};

template <class Field>
void describe(ModelConfig& config, Field& field) {
  field("backbone", config.backbone);
  field("text_encoder", config.text_encoder);
  field("text_slot_bytes", config.text_slot_bytes, {.least = 1});
  field("text_table", config.text_table);
  field("text_lengths", config.text_lengths, {.least = 0});
  field("codec", config.codec);
  field("head", config.head);
  field("packs", config.packs, {.least = 1, .most = 64});
  field("when_full", config.when_full);
}

/// Throws ConfigError when parts do not go together. @param where  the config's name, for errors
void check_sizes(const ModelConfig& config, const std::string& where);

}  // namespace physgen
