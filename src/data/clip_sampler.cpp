#include "data/clip_sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include <physgen/core/error.h>

namespace physgen {
namespace {

/// splitmix64's finaliser: every input bit reaches every output bit.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// A keyed permutation of [0, size): a Feistel network over the next even power of two, walked until it lands inside
/// (four times on average at most). Needs no memory, unlike a shuffled list.
uint64_t permute(uint64_t value, uint64_t size, uint64_t key) {
  constexpr uint64_t kRounds = 8;
  const int half = std::max(1, static_cast<int>(std::bit_width(size - 1) + 1) / 2);
  const uint64_t mask = (uint64_t{1} << half) - 1;
  do {
    uint64_t left = value >> half;
    uint64_t right = value & mask;
    for (uint64_t round = 0; round < kRounds; ++round) {
      const uint64_t next = left ^ (mix(key ^ mix(right + (round << 48))) & mask);
      left = right;
      right = next;
    }
    value = (left << half) | right;
  } while (value >= size);
  return value;
}

/// Whether an action says how far or how fast to move, so that zero is standing still.
bool is_relative(std::string_view control_mode) {
  return control_mode.find("delta") != std::string_view::npos || control_mode == "pd_joint_vel" ||
         control_mode == "osc_pose";
}

void check_at_least_one(int64_t value, const std::string& name) {
  if (value >= 1) return;
  throw ConfigError({"a number is too small", name, std::to_string(value), "at least 1", "correct it"});
}

void check_looks(const EpisodeInfo& info, int64_t stride) {
  if (stride % info.look_every == 0) return;
  throw ConfigError({"an episode has no new picture at each frame of a window", info.source,
                     "one every " + std::to_string(info.look_every) + " control steps",
                     "one every " + std::to_string(stride) + ", model.codec.execute",
                     "set model.codec.execute=" + std::to_string(info.look_every)});
}

}  // namespace

ClipIndex index_clip(const EpisodePart& part, int64_t start, const ClipShape& shape) {
  check_at_least_one(shape.packs, "packs");
  check_at_least_one(shape.chunk, "chunk");
  check_at_least_one(shape.chunks, "chunks");
  check_at_least_one(shape.stride, "stride");
  if (start < part.first || start >= part.last) {
    throw ConfigError({"a clip starts outside its part of an episode", "start", std::to_string(start),
                       std::to_string(part.first) + " to " + std::to_string(part.last - 1),
                       "take a start from all_clips"});
  }
  const int64_t supervised = part.last + (part.ends ? shape.chunk : 0);
  ClipIndex index;
  for (int64_t n = 0; n < shape.frames(); ++n) {
    const int64_t frame = start + shape.stride * n;
    index.frames.push_back(std::min(frame, part.last));
    index.frame_valid.push_back(frame <= part.last);
  }
  for (int64_t n = 1; n <= shape.action_chunks(); ++n) {
    for (int64_t j = 0; j < shape.chunk; ++j) {
      const int64_t row = start + shape.stride * (n - 1) + j;
      index.actions.push_back(row);
      index.action_valid.push_back(row < supervised);
    }
  }
  return index;
}

void held_action(const Matrix& actions, std::string_view control_mode, int64_t row, std::span<float> out) {
  const auto last = actions.row(std::min(row, actions.rows() - 1));
  std::copy_n(last.data(), last.size(), out.begin());
  if (row >= actions.rows() && is_relative(control_mode)) std::fill(out.begin(), out.end() - 1, 0.0f);
}

Matrix clip_actions(const Matrix& actions, std::string_view control_mode, const ClipIndex& index) {
  Matrix result(static_cast<int64_t>(index.actions.size()), actions.cols());
  for (int64_t i = 0; i < result.rows(); ++i) {
    held_action(actions, control_mode, index.actions[static_cast<size_t>(i)],
                {result.row(i).data(), static_cast<size_t>(result.cols())});
  }
  return result;
}

std::vector<Clip> all_clips(const std::vector<EpisodeInfo>& episodes, int64_t stride) {
  std::vector<Clip> clips;
  for (size_t episode = 0; episode < episodes.size(); ++episode) {
    const EpisodeInfo& info = episodes[episode];
    check_looks(info, stride);
    for (int64_t start = 0; start < info.control_steps; start += info.look_every) {
      clips.push_back({static_cast<int64_t>(episode), start});
    }
  }
  return clips;
}

ClipOrder::ClipOrder(int64_t size, uint64_t seed) : size_(size), seed_(seed) { check_at_least_one(size, "clips"); }

int64_t ClipOrder::at(int64_t position) const {
  const auto epoch = static_cast<uint64_t>(position / size_);
  const auto within = static_cast<uint64_t>(position % size_);
  return static_cast<int64_t>(permute(within, static_cast<uint64_t>(size_), mix(seed_ ^ mix(epoch))));
}

MixedOrder::MixedOrder(const std::vector<int64_t>& sizes, const std::vector<double>& weights, uint64_t seed) {
  if (sizes.empty() || sizes.size() != weights.size()) {
    throw ConfigError({"datasets and weights differ in number", "weights", std::to_string(weights.size()) + " weights",
                       std::to_string(sizes.size()) + ", one a dataset", "give each dataset one weight"});
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!(weights[i] > 0) || !std::isfinite(weights[i])) {
      throw ConfigError({"a dataset's weight is not positive", "weights[" + std::to_string(i) + "]",
                         std::to_string(weights[i]), "a number above 0", "correct it, or leave the dataset out"});
    }
    orders_.emplace_back(sizes[i], mix(seed + i));
    shares_.push_back(weights[i] / std::accumulate(weights.begin() + static_cast<ptrdiff_t>(i), weights.end(), 0.0));
  }
}

/// Dataset i takes the positions at which floor(position * share) grows; the others keep the order among those left.
MixedClip MixedOrder::at(int64_t position) const {
  size_t i = 0;
  for (; i + 1 < orders_.size(); ++i) {
    const auto taken = static_cast<int64_t>(std::floor(static_cast<double>(position) * shares_[i]));
    const auto taken_after = static_cast<int64_t>(std::floor(static_cast<double>(position + 1) * shares_[i]));
    if (taken_after > taken) return {static_cast<int64_t>(i), orders_[i].at(taken)};
    position -= taken;
  }
  return {static_cast<int64_t>(i), orders_[i].at(position)};
}

EpisodeSplit split_episodes(int64_t count, double fraction, uint64_t seed) {
  check_at_least_one(count, "episodes");
  if (!(fraction >= 0 && fraction < 1)) {
    throw ConfigError({"the part of the episodes to hold out is impossible", "fraction", std::to_string(fraction),
                       "0 to below 1", "0.05 is usual"});
  }
  const auto wanted = static_cast<int64_t>(std::llround(fraction * static_cast<double>(count)));
  const int64_t held_out = std::min(std::max<int64_t>(wanted, fraction > 0 ? 1 : 0), count - 1);
  const ClipOrder order(count, seed);
  EpisodeSplit split;
  for (int64_t i = 0; i < count; ++i) (i < held_out ? split.held_out : split.training).push_back(order.at(i));
  std::sort(split.training.begin(), split.training.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  return split;
}

}  // namespace physgen
