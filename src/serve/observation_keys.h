#pragma once

#include <map>
#include <string>
#include <vector>

#include "physgen/policy/controller.h"
#include "physgen/wire/policy_description.h"
#include "wire/message.h"

namespace physgen {

/// Finds what a policy looks at among what a client sends. A camera, the state and the prompt each have several names
/// in the field: openpi's ("observation/image"), vla-evaluation-harness's ("images" {"agentview"}), LeRobot's
/// ("observation.images.image") and the policy's own.
class ObservationKeys {
 public:
  /// @param keys  what clients call a camera, "state" or "prompt" instead
  /// Throws ConfigError for a key of something that the policy does not look at.
  ObservationKeys(const PolicyDescription& policy, const std::map<std::string, std::string>& keys);

  /// Throws ClientError where a camera or the state is missing, or of another width, FormatError for what is malformed.
  Observation observation_of(const Message& message) const;
  /// Empty where the client does not say.
  std::string instruction_of(const Message& message) const;

 private:
  Image view_of(const Message& message, const std::string& camera, const std::vector<std::string>& names) const;
  std::vector<float> state_of(const Message& message) const;

  std::vector<std::pair<std::string, std::vector<std::string>>> cameras_;  // and what they may be called
  std::vector<std::string> state_, prompt_;
  int64_t state_width_;
};

}  // namespace physgen
