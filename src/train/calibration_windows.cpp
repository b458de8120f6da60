#include "train/calibration_windows.h"

#include <algorithm>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "codec/pixels.h"
#include "data/clip_sampler.h"
#include "policy/pack.h"

namespace physgen {
namespace {

/// A window's first frame, in an episode of a set.
struct Place {
  const DemonstrationSet* set;
  Clip clip;
};

std::vector<Place> places_of(const std::vector<DemonstrationSet>& sets, int64_t stride) {
  std::vector<Place> places;
  for (const DemonstrationSet& set : sets) {
    std::vector<EpisodeInfo> infos;
    for (const Episode& episode : set.episodes) infos.push_back(episode.info);
    for (const Clip& clip : all_clips(infos, stride)) places.push_back({&set, clip});
  }
  return places;
}

void check_width(const std::string& what, int64_t got, int64_t expected, const DemonstrationSet& set) {
  if (got == expected) return;
  throw ConfigError({.what = what + " of the demonstrations are of another width than the policy's",
                     .where = set.files.front(),
                     .got = std::to_string(got),
                     .expected = std::to_string(expected),
                     .next_step = "calibrate with demonstrations of the robot that the policy was trained on"});
}

void check_widths(const std::vector<DemonstrationSet>& sets, const PolicyConfig& policy) {
  const CodecConfig& codec = policy.model.codec;
  for (const DemonstrationSet& set : sets) {
    check_width("actions", set.dataset.action_width(), codec.action_width, set);
    if (codec.state_token) check_width("states", set.dataset.state_width(), codec.state_width, set);
  }
}

at::Tensor canvas_at(const Place& place, const CanvasConfig& canvas, int64_t frame) {
  std::vector<Image> views;
  for (const std::string& camera : canvas.cameras) {
    views.push_back(place.set->dataset.read_frame(place.clip.episode, camera, frame));
  }
  return view_of(compose_canvas(views, canvas)).clone();
}

// A_0..A_{P-1}: the chunks that lead to the frames; the first is not read.
at::Tensor actions_of(const Episode& episode, const ClipIndex& index, const PolicyConfig& policy) {
  const int64_t packs = policy.model.packs, chunk = policy.model.codec.chunk;
  const Matrix actions = policy.actions.normalize(clip_actions(episode.actions, episode.info.control_mode, index));
  const at::Tensor chunks = tensor_of(actions).unflatten(0, {-1, chunk});  // A_1, A_2, ...
  return at::cat({at::zeros_like(chunks.narrow(0, 0, 1)), chunks.narrow(0, 0, packs - 1)});
}

CalibrationWindow window_at(const Place& place, const PolicyConfig& policy) {
  const Episode& episode = place.set->episodes[static_cast<size_t>(place.clip.episode)];
  const EpisodePart part = part_of(episode.info, place.clip.start);
  const CodecConfig& codec = policy.model.codec;
  ClipIndex index =
      index_clip(part, place.clip.start, {policy.model.packs, codec.chunk, policy.model.head.chunks, codec.execute});
  index.frames.pop_back();  // of P + 1 the last is what the window would lead to
  CalibrationWindow window{.instruction = part.instruction};
  std::vector<at::Tensor> frames;
  for (const int64_t frame : index.frames) frames.push_back(canvas_at(place, policy.canvas, frame));
  window.frames = at::stack(frames);
  window.actions = actions_of(episode, index, policy);
  if (!codec.state_token) return window;
  const Matrix states = episode.states(index.frames, Eigen::all);
  window.states = tensor_of(policy.states.normalize(states));
  return window;
}

}  // namespace

std::vector<CalibrationWindow> calibration_windows(const std::vector<DemonstrationSet>& sets,
                                                   const PolicyConfig& policy, int64_t most) {
  require_cameras(sets, policy.canvas.cameras);
  check_widths(sets, policy);
  const std::vector<Place> places = places_of(sets, policy.model.codec.execute);
  const auto there = static_cast<int64_t>(places.size()), count = std::min(most, there);
  std::vector<CalibrationWindow> windows;
  for (int64_t i = 0; i < count; ++i) {
    windows.push_back(window_at(places[static_cast<size_t>((2 * i + 1) * there / (2 * count))], policy));
  }
  return windows;
}

}  // namespace physgen
