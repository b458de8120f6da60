#pragma once

#include <cstdint>

#include <physgen/core/config.h>

namespace physgen {

/// Sizes and rules of physical tokens: a pack is [frame | state | actions].
struct CodecConfig {
  int64_t action_width = 0;   ///< numbers of an action, A; 0 until the data say
  int64_t state_width = 0;    ///< numbers of a state, S; 0 until the data say
  bool state_token = false;   ///< the policy looks at the robot's state, too: one token a pack
  int64_t stem_channels = 0;  ///< features of the convolutions that see a frame beside its patches; 0: none
  int64_t stem_views =
      0;                ///< pictures in a frame, side by side, in each of which a feature has a place; 0: one a camera
  int64_t chunk = 8;    ///< actions of a chunk, L
  int64_t execute = 8;  ///< control steps between the frames of consecutive packs, at most `chunk`
  bool causal_actions = true;         ///< an action of a chunk sees those before it, not those after
  bool text_sees_first_frame = true;  ///< text and first frame attend to each other, as in NOVA
  double action_rope_theta = 10000;   ///< base of the actions' rotary angles
};

template <class Field>
void describe(CodecConfig& config, Field& field) {
  field("action_width", config.action_width, {.least = 0, .most = 4096});
  field("state_width", config.state_width, {.least = 0, .most = 4096});
  field("state_token", config.state_token);
  field("stem_channels", config.stem_channels, {.least = 0, .most = 4096});
  field("stem_views", config.stem_views, {.least = 0, .most = 64});
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
