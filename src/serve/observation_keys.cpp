#include "observation_keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/printable.h"
#include "physgen/core/suggestion.h"
#include "serve/client_error.h"

namespace physgen {
namespace {

// Cameras that stand for the same view in one benchmark or another.
const std::vector<std::vector<std::string>> kSameView = {
    {"agentview", "image", "base_camera"},
    {"eye_in_hand", "wrist", "wrist_image", "hand_camera", "image2", "robot0_eye_in_hand"}};

/// Its own name first; never that of another camera of the policy.
std::vector<std::string> same_view(const std::string& camera, const std::vector<std::string>& cameras) {
  std::vector<std::string> names = {camera};
  for (const std::vector<std::string>& views : kSameView) {
    if (std::ranges::find(views, camera) == views.end()) continue;
    std::ranges::copy_if(views, std::back_inserter(names),
                         [&](const auto& name) { return std::ranges::find(cameras, name) == cameras.end(); });
  }
  return names;
}

/// "images/agentview" is the key agentview of the map images, or a key of that name.
std::vector<std::string> keys_of_camera(const std::string& camera, const std::vector<std::string>& cameras) {
  std::vector<std::string> keys;
  for (const std::string& name : same_view(camera, cameras)) {
    for (const char* before : {"images/", "observation/", "observation/images/", "observation.images.", ""}) {
      keys.push_back(before + name);
    }
  }
  return keys;
}

/// The message or the map in it that has the key, and its name there; nothing where there is none.
struct Place {
  std::optional<Message> map;
  std::string key;
};

Place place_of(const Message& message, const std::string& key) {
  if (message.has(key.c_str())) return {message, key};
  const size_t slash = key.find('/');
  if (slash == key.npos || !message.is_map(key.substr(0, slash).c_str())) return {};
  return place_of(message.map(key.substr(0, slash).c_str()), key.substr(slash + 1));
}

Place first_of(const Message& message, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (Place place = place_of(message, key); place.map) return place;
  }
  return {};
}

std::string keys_in(const Message& message) {
  constexpr size_t kMost = 12, kLongest = 60;
  std::vector<std::string> keys = message.keys();
  if (message.is_map("images")) {
    for (const std::string& key : message.map("images").keys()) keys.push_back("images/" + key);
  }
  keys.resize(std::min(keys.size(), kMost));
  for (std::string& key : keys) key = printable(key.substr(0, kLongest));
  return fmt::format("{}", fmt::join(keys, ", "));
}

}  // namespace

ObservationKeys::ObservationKeys(const PolicyDescription& policy, const std::map<std::string, std::string>& keys)
    : state_({"observation/state", "observation.state", "state", "states"}),
      prompt_({"prompt", "task_description", "instruction", "task"}),
      state_width_(policy.state_width) {
  for (const std::string& camera : policy.cameras) {
    cameras_.emplace_back(camera, keys_of_camera(camera, policy.cameras));
  }
  for (const auto& [ours, theirs] : keys) {
    const auto camera = std::ranges::find(cameras_, ours, &std::pair<std::string, std::vector<std::string>>::first);
    if (camera != cameras_.end()) {
      camera->second = {theirs};
    } else if (ours == "state" || ours == "prompt") {
      (ours == "state" ? state_ : prompt_) = {theirs};
    } else {
      throw ConfigError({.what = "the policy looks at nothing of this name",
                         .where = "--map " + ours + "=" + theirs,
                         .got = ours,
                         .expected = fmt::format("{}, state or prompt", fmt::join(policy.cameras, ", ")),
                         .next_step = suggestion(ours, policy.cameras)});
    }
  }
}

Image ObservationKeys::view_of(const Message& message, const std::string& camera,
                               const std::vector<std::string>& names) const {
  const Place place = first_of(message, names);
  if (place.map) return place.map->image(place.key.c_str());
  const std::vector<std::string> few(names.begin(), names.begin() + std::min<std::ptrdiff_t>(4, std::ssize(names)));
  throw ClientError({.code = "missing_camera",
                     .sentence = fmt::format("the picture of the camera {} is missing: the keys are {}; expected one "
                                             "such as {}; the server's --map {}=KEY names another",
                                             camera, keys_in(message), fmt::join(few, ", "), camera),
                     .field = camera});
}

std::vector<float> ObservationKeys::state_of(const Message& message) const {
  const Place place = first_of(message, state_);
  std::vector<float> state;
  if (place.map) state = place.map->numbers(place.key.c_str());
  if (state_width_ == 0) return {};
  if (std::ssize(state) == state_width_) return state;
  throw ClientError(
      {.code = place.map ? "bad_state" : "missing_state",
       .sentence = fmt::format("the policy looks at the robot's state: got {} numbers, expected {} under {}",
                               state.size(), state_width_, fmt::join(state_, ", ")),
       .field = place.map ? place.key : state_.front()});
}

Observation ObservationKeys::observation_of(const Message& message) const {
  Observation observation;
  for (const auto& [camera, names] : cameras_) observation.views.push_back(view_of(message, camera, names));
  observation.state = state_of(message);
  return observation;
}

std::string ObservationKeys::instruction_of(const Message& message) const {
  constexpr size_t kLongest = 4096;
  const Place place = first_of(message, prompt_);
  if (!place.map) return {};
  std::string instruction = place.map->text(place.key.c_str());
  if (instruction.size() <= kLongest) return instruction;
  throw ClientError(
      {.code = "bad_prompt",
       .sentence = fmt::format("the prompt has {} bytes, expected at most {}", instruction.size(), kLongest),
       .field = place.key});
}

}  // namespace physgen
