#include "data/resampled_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include <physgen/core/error.h>

namespace physgen {
namespace {

constexpr double kRounding = 1e-6;  // of a step

bool is_joint_delta(const std::string& control_mode) {
  return control_mode.find("delta") != std::string::npos && control_mode.find("joint") != std::string::npos;
}

/// Whether an action is a place to go to, which holds whenever it is given.
bool is_absolute(const std::string& control_mode) {
  return control_mode.find("delta") == std::string::npos && control_mode.find("vel") == std::string::npos;
}

class ResampledFrames : public FrameReader {
 public:
  ResampledFrames(std::unique_ptr<FrameReader> source, std::vector<int64_t> rows, std::string where)
      : source_(std::move(source)), rows_(std::move(rows)), where_(std::move(where)) {}

  Image read(int64_t index) override {
    check_frame(index, std::ssize(rows_), where_);
    return source_->read(rows_[static_cast<size_t>(index)]);
  }

 private:
  std::unique_ptr<FrameReader> source_;
  std::vector<int64_t> rows_;  // of the source
  std::string where_;
};

}  // namespace

ResampledFile::ResampledFile(std::unique_ptr<DemonstrationFile> source, double rate)
    : DemonstrationFile(source->path()),
      source_(std::move(source)),
      steps_(source_->recording().frames_per_second / rate) {
  recording_ = source_->recording();
  recording_.frames_per_second = rate;
  left_out_ = source_->left_out();
  check_source();
  for (int64_t i = 0; i < source_->size(); ++i) episodes_.push_back(resampled(source_->info(i)));
}

void ResampledFile::check_source() const {
  const std::string& mode = source_->info(0).control_mode;
  const auto refuse = [&](const std::string& got, const std::string& expected, const std::string& next_step) {
    throw ConfigError({"demonstrations cannot be brought to another rate", path(), got, expected, next_step});
  };
  const double rate = source_->recording().frames_per_second;
  for (int64_t i = 0; i < source_->size(); ++i) {
    const int64_t every = source_->info(i).look_every;
    if (every > 1)
      refuse(fmt::format("a new picture every {} steps", every), "one at each", "use them without --resample");
  }
  if (is_simulated(mode)) {
    refuse("control mode " + mode, "a robot's data: a simulator's actions are of its controller's rate",
           "use them without --resample");
  }
  if (rate <= 0) refuse("no rate of its own", "fps in meta/info.json", "write it there");
  if (is_absolute(mode)) return;
  if (!is_joint_delta(mode)) {
    refuse("control mode " + mode, "absolute actions, or how far each joint moves", "record or convert them so");
  }
  if (steps_ > 1 - kRounding && std::abs(steps_ - std::round(steps_)) < kRounding) return;
  refuse(fmt::format("{:g} steps to {:g}", rate, recording_.frames_per_second),
         "a rate of which theirs is a multiple, since their actions say how far to move",
         "ask for " + fmt::format("{:g}", rate) + " divided by a whole number");
}

int64_t ResampledFile::row_of(int64_t step, int64_t last) const {
  return std::min<int64_t>(std::llround(static_cast<double>(step) * steps_), last);
}

EpisodeInfo ResampledFile::resampled(const EpisodeInfo& info) const {
  EpisodeInfo result = info;
  result.control_steps = static_cast<int64_t>(static_cast<double>(info.control_steps) / steps_ + kRounding);
  if (result.control_steps < 1) {
    throw ConfigError({"an episode is shorter than one step", info.source, fmt::format("{} steps", info.control_steps),
                       fmt::format("at least {:g}, for {:g} a second", steps_, recording_.frames_per_second),
                       "ask for a higher rate"});
  }
  for (LaterTask& later : result.later_tasks) {
    int64_t step = 0;
    while (row_of(step, info.control_steps) < later.row) ++step;
    later.row = step;
  }
  return result;
}

Episode ResampledFile::read(int64_t episode) const {
  const Episode source = source_->read(episode);
  const int64_t last = source_->info(episode).control_steps;
  Episode result{info(episode), Matrix(info(episode).control_steps, source.actions.cols()), {}};
  if (source.states.size() > 0) result.states.resize(info(episode).control_steps + 1, source.states.cols());
  for (int64_t step = 0; step < result.states.rows(); ++step)
    result.states.row(step) = source.states.row(row_of(step, last));
  const bool delta = is_joint_delta(info(episode).control_mode);
  for (int64_t step = 0; step < result.actions.rows(); ++step) {
    const int64_t first = row_of(step, last - 1), end = row_of(step + 1, last);
    result.actions.row(step) = source.actions.row(delta ? end - 1 : first);
    if (!delta) continue;
    const int64_t joints = source.actions.cols() - 1;
    result.actions.row(step).head(joints) = source.actions.block(first, 0, end - first, joints).colwise().sum();
  }
  return result;
}

std::unique_ptr<FrameReader> ResampledFile::open_frames(int64_t episode, const std::string& camera) const {
  std::vector<int64_t> rows;
  for (int64_t step = 0; step <= info(episode).control_steps; ++step) {
    rows.push_back(row_of(step, source_->info(episode).control_steps));
  }
  return std::make_unique<ResampledFrames>(source_->open_frames(episode, camera), std::move(rows),
                                           info(episode).source);
}

}  // namespace physgen
