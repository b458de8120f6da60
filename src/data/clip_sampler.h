#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/formats/episode.h>

namespace physgen {

/// A window of an episode: its first frame.
struct Clip {
  int64_t episode = 0;
  int64_t start = 0;  ///< frame index, 0 <= start < T

  bool operator==(const Clip&) const = default;
};

/// What a window is made of.
struct ClipShape {
  int64_t packs = 5;   ///< P: input packs; a clip has P + 1 frames
  int64_t chunk = 8;   ///< actions a chunk
  int64_t chunks = 3;  ///< chunks predicted at once, the executed one included
  int64_t stride = 8;  ///< control steps between frames: how many of a chunk's actions are executed

  int64_t frames() const { return packs + 1; }
  int64_t action_chunks() const { return packs + chunks - 1; }
};

/// Where a clip's frames and actions lie in its episode of T control steps. It keeps to one part of the episode, of
/// which the last frame is T where the episode ends with it.
struct ClipIndex {
  std::vector<int64_t> frames;     ///< [P + 1] start + stride * n, at most the part's last
  std::vector<bool> frame_valid;   ///< [P + 1] false where the part had ended before
  std::vector<int64_t> actions;    ///< [(P + chunks - 1) * chunk] row of `actions` of chunk n = 1.. element j:
                                   ///< start + stride * (n - 1) + j. Rows >= T are holding still (`held_action`)
  std::vector<bool> action_valid;  ///< supervised: row < T + chunk, that is one chunk of holding still; of a part that
                                   ///< another follows, its own rows alone
};

/// Throws ConfigError for a start outside the part and a shape with a number below 1.
ClipIndex index_clip(const EpisodePart& part, int64_t start, const ClipShape& shape);

/// The action of row `row`: recorded where row < T, holding still after it. Where actions are absolute that is the last
/// one again; where they say how far or how fast to move ("delta" in the control mode, "pd_joint_vel", "osc_pose") it
/// is zero motion with the last column (the gripper's) kept.
/// @param actions  [T, A], T >= 1    @param out  [A]
void held_action(const Matrix& actions, std::string_view control_mode, int64_t row, std::span<float> out);

/// All actions of a clip, [(P + chunks - 1) * chunk, A].
Matrix clip_actions(const Matrix& actions, std::string_view control_mode, const ClipIndex& index);

/// Every window of every episode: it may start at each frame but the last that is new (`look_every`).
/// @param stride  control steps between a window's frames
/// Throws ConfigError where an episode has no new picture at each of them.
std::vector<Clip> all_clips(const std::vector<EpisodeInfo>& episodes, int64_t stride);

/// An endless order over `size` clips, shuffled anew each epoch; a pure function of (seed, position), so that a run can
/// go on from any position and several loaders agree.
class ClipOrder {
 public:
  /// Throws ConfigError for a size below 1.
  ClipOrder(int64_t size, uint64_t seed);
  /// The clip at `position` >= 0; the positions of one epoch, [k * size, (k + 1) * size), visit each clip once.
  int64_t at(int64_t position) const;

 private:
  int64_t size_;
  uint64_t seed_;
};

/// A clip of one of several datasets.
struct MixedClip {
  int64_t dataset = 0;
  int64_t clip = 0;

  bool operator==(const MixedClip&) const = default;
};

/// An endless order over several datasets, each drawn in proportion to its weight (exact to one draw at any position)
/// and through a ClipOrder of its own. A pure function of (seed, position).
class MixedOrder {
 public:
  /// @param sizes    clips of each dataset, >= 1
  /// @param weights  one a dataset, > 0, in any unit
  /// Throws ConfigError.
  MixedOrder(const std::vector<int64_t>& sizes, const std::vector<double>& weights, uint64_t seed);
  MixedClip at(int64_t position) const;

 private:
  std::vector<ClipOrder> orders_;
  std::vector<double> shares_;  // of dataset i among datasets i, i + 1, …
};

/// Episodes kept apart for evaluation.
struct EpisodeSplit {
  std::vector<int64_t> training;  ///< ascending
  std::vector<int64_t> held_out;  ///< ascending
};

/// Draws round(fraction * count) episodes to hold out, at least one where fraction > 0 and two episodes are there, and
/// never all. Throws ConfigError for a fraction outside [0, 1) and a count below 1.
EpisodeSplit split_episodes(int64_t count, double fraction, uint64_t seed);

}  // namespace physgen
