#pragma once

#include <cstdint>

#include <physgen/core/config.h>

namespace physgen {

/// Sizes and rules of physical tokens: a pack is [frame | state | actions].
struct CodecConfig {
  int64_t action_width = 0;           ///< A; 0 until the data say
  int64_t state_width = 0;            ///< S; 0 until the data say
  bool state_token = false;           ///< one token of proprioception a pack
  int64_t chunk = 8;                  ///< L: actions of a chunk
  int64_t execute = 8;                ///< control steps between the frames of consecutive packs, at most `chunk`
  bool causal_actions = true;         ///< action i of a chunk sees j <= i only
  bool text_sees_first_frame = true;  ///< NOVA's joint attention of text and first frame
  double action_rope_theta = 10000;
};

template <class Field>
void describe(CodecConfig& config, Field& field) {
  field("action_width", config.action_width, {.least = 0, .most = 4096});
  field("state_width", config.state_width, {.least = 0, .most = 4096});
  field("state_token", config.state_token);
  field("chunk", config.chunk, {.least = 1, .most = 1024});
  field("execute", config.execute, {.least = 1, .most = 1024});
  field("causal_actions", config.causal_actions);
  field("text_sees_first_frame", config.text_sees_first_frame);
  field("action_rope_theta", config.action_rope_theta, {.least = 1});
}

/// Tokens of a sequence: prefix, then packs of frame, state and action tokens.
struct PackLayout {
  int64_t prefix = 0;
  int64_t frame = 0;
  int64_t state = 0;
  int64_t actions = 0;

  int64_t pack() const { return frame + state + actions; }
  int64_t length(int64_t packs) const { return prefix + packs * pack(); }
  int64_t start_of(int64_t pack_index) const { return length(pack_index); }
};

}  // namespace physgen
