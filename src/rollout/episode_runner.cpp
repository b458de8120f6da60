#include "episode_runner.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>

#include "core/stopwatch.h"
#include "media/resize.h"
#include "physgen/core/error.h"
#include "physgen/core/statistics.h"
#include "physgen/media/video_writer.h"
#include "physgen/rollout/simulator_process.h"
#include "rollout/recorded_actions.h"

namespace physgen {
namespace {

// A real frame and, as tall, the one that was expected.
Image beside(const Image& frame, const Image& expected) {
  constexpr int64_t kGap = 4;
  return side_by_side({frame, resize(expected, frame.height, frame.height * expected.width / expected.height)}, kGap);
}

void append_frames(std::vector<Image>& film, std::vector<Image> frames, const std::optional<Image>& expected) {
  for (Image& frame : frames) film.push_back(expected ? beside(frame, *expected) : std::move(frame));
}

EpisodeRecord record_of(int64_t episode, const EpisodeStart& start) {
  return {.episode = episode, .task = start.task, .seed = start.seed};
}

EpisodeRecord record_of_nothing(int64_t episode, const EpisodeStart& start, int64_t retries,
                                const SimulatorFailure& failure) {
  EpisodeRecord record = record_of(episode, start);
  record.retries = retries;
  record.infrastructure_error = failure.what();
  return record;
}

}  // namespace

EpisodeRunner::EpisodeRunner(const EvaluationOptions& options, const MakeEnvironment& make_environment,
                             RolloutPolicy policy, std::function<bool()> stopped)
    : options_(options),
      make_environment_(make_environment),
      policy_(std::move(policy)),
      stopped_(std::move(stopped)) {}

std::optional<EpisodeRecord> EpisodeRunner::run(int64_t episode, const PlannedEpisode& planned) {
  bool started = false;
  for (int64_t retry = 0;; ++retry) {
    try {
      prepare_environment(films(planned));
      started = true;
      std::optional<EpisodeRecord> record = attempt(episode, planned);
      if (record) record->retries = retry;
      return record;
    } catch (const SimulatorFailure& failure) {
      environment_.reset();
      if (stopped_()) return std::nullopt;
      if (retry == options_.retries) {
        if (!started) throw;  // no episode would fare better
        return record_of_nothing(episode, planned.start, retry, failure);
      }
      spdlog::warn("episode {} ({}, seed {}) is tried again ({} of {}): {}", episode, planned.start.task,
                   planned.start.seed, retry + 1, options_.retries, failure.what());
    }
  }
}

void EpisodeRunner::prepare_environment(bool record) {
  if (environment_ && recording_ == record) return;
  environment_.reset();
  environment_ = make_environment_(record);
  recording_ = record;
}

std::optional<EpisodeRecord> EpisodeRunner::attempt(int64_t episode, const PlannedEpisode& planned) {
  const Stopwatch stopwatch;
  EpisodeRecord record = record_of(episode, planned.start);
  Perception seen = environment_->reset(planned.start);
  policy_.reset(planned.instruction.empty() ? seen.instruction : planned.instruction, planned.start);
  std::vector<Image> film, first;
  if (recording_ && !seen.views.empty()) first.push_back(seen.views.front());
  std::vector<double> milliseconds;
  Matrix executed, all;
  while (!seen.done) {
    if (stopped_()) return std::nullopt;
    const Matrix actions = next_actions(seen, executed, milliseconds);
    const std::optional<Image> expected = imagine();
    append_frames(film, std::exchange(first, {}), expected);
    const int64_t before = seen.control_steps;
    seen = environment_->step(actions);
    executed = actions.topRows(seen.control_steps - before);
    all.conservativeResize(seen.control_steps, actions.cols());
    all.bottomRows(executed.rows()) = executed;
    append_frames(film, std::move(seen.frames), expected);
    ++record.rounds;
  }
  append_frames(film, std::move(first), std::nullopt);  // of an episode that was over at once
  write_recorded_actions(options_.out, episode, all);
  record.success = seen.success;
  record.control_steps = seen.control_steps;
  record.seconds = stopwatch.seconds();
  record.policy_ms_p50 = median(milliseconds);
  record.policy_seconds = std::accumulate(milliseconds.begin(), milliseconds.end(), 0.0) / 1000;
  if (recording_) record.video = write_film(record, film);
  return record;
}

/// Asks the policy, and keeps the rows that are to be executed.
Matrix EpisodeRunner::next_actions(Perception& seen, const Matrix& executed, std::vector<double>& milliseconds) {
  const Stopwatch stopwatch;
  const Matrix chunk = policy_.act({std::move(seen.views), std::move(seen.state)}, executed);
  milliseconds.push_back(stopwatch.milliseconds());
  if (chunk.rows() == 0 || !chunk.allFinite()) {
    throw Error({.what = "the policy gave no usable actions",
                 .where = fmt::format("control step {}", seen.control_steps),
                 .got = chunk.rows() == 0 ? "none" : "a number that is not finite",
                 .expected = "finite actions",
                 .next_step = "check the checkpoint with physgen inspect"});
  }
  return chunk.topRows(std::min<int64_t>(policy_.execute, chunk.rows()));
}

std::optional<Image> EpisodeRunner::imagine() const {
  if (!recording_ || !options_.imagine) return std::nullopt;
  return policy_.imagine();
}

std::string EpisodeRunner::write_film(const EpisodeRecord& record, const std::vector<Image>& film) const {
  const std::string name =
      fmt::format("episode_{:04}_seed_{}_{}.mp4", record.episode, record.seed, record.success ? "success" : "failure");
  const std::string path = std::filesystem::path(options_.video) / name;
  const double rate = std::max(1.0, environment_->control_rate());  // as fast as the robot moves
  VideoWriter writer(path, film.front().height, film.front().width, rate);
  for (const Image& frame : film) writer.add(frame);
  writer.close();
  return path;
}

}  // namespace physgen
