#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace physgen {

/// What a policy is and wants, as a server tells its clients before they ask for anything.
struct PolicyDescription {
  std::string checkpoint_sha256 = {};  ///< of its MANIFEST.json; empty: not known
  std::string data_sha256 = {};        ///< of what it was last trained on; empty: not known
  std::vector<std::string> cameras;    ///< in the order of `Observation::views`
  int64_t frame_height = 0;            ///< of the pictures that it was trained on; 0: not known
  std::string control_mode = {};
  double control_rate = 0;       ///< control steps a second of the demonstrations; 0: not known
  int64_t action_width = 0;      ///< A
  int64_t chunk_length = 0;      ///< L: rows that it predicts
  int64_t execute = 0;           ///< rows of a reply, all of which are executed before the next round
  int64_t state_width = 0;       ///< numbers of the robot's state that it looks at; 0: it does not
  std::string instruction = {};  ///< what it is told where a client does not say
  std::vector<std::pair<int64_t, int64_t>> seeds_tried = {};  ///< by the demonstrator, inclusive ranges
};

}  // namespace physgen
