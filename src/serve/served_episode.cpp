#include "served_episode.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "core/stopwatch.h"
#include "serve/client_error.h"

namespace physgen {

ServedEpisode::ServedEpisode(ServedPolicy policy, const Options& options)
    : policy_(std::move(policy.description)), options_(options), robot_(policy.make()) {}

/// Nothing where the episode goes on.
std::optional<Beginning> ServedEpisode::beginning_of(const Request& request, double seconds) const {
  if (request.reset) return Beginning::reset;
  if (ended_by_) return ended_by_;
  if (!request.instruction.empty() && request.instruction != instruction_) return Beginning::instruction;
  // Who says what was executed, or when an episode begins, is believed.
  const bool guesses = options_.idle_seconds > 0 && !request.executed && !options_.asks_each_step;
  const bool paused = guesses && last_seconds_ && seconds - *last_seconds_ > options_.idle_seconds;
  return paused ? std::optional(Beginning::pause) : std::nullopt;
}

/// What a policy throws is for the log: a client is told that it failed, and not where.
template <class Work>
auto ServedEpisode::guarded(const Work& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    ended_by_ = Beginning::failure;
    spdlog::error("the policy failed in a round: {}", error.what());
  }
  throw ClientError({.code = "policy_failed",
                     .sentence = "the policy could not compute this round; the episode begins anew with the next "
                                 "observation; the server's log says more"});
}

void ServedEpisode::start(const Request& request, Beginning beginning) {
  ended_by_ = beginning;  // until it has begun
  instruction_ = request.instruction.empty() ? policy_.instruction : request.instruction;
  const uint64_t seed = request.seed.value_or(options_.seed + static_cast<uint64_t>(episode_ + 1));
  guarded([&] { robot_.reset(instruction_, seed); });
  beginning_ = beginning;
  ++episode_;
  round_ = given_ = 0;
  chunk_.resize(0, 0);
}

/// Of the last reply: what the client says, or else all of it.
Matrix ServedEpisode::executed_of(const Request& request) const {
  if (round_ == 0) return {};
  if (!request.executed) return chunk_;
  const Matrix& executed = *request.executed;
  if (executed.rows() == policy_.execute && executed.cols() == policy_.action_width) return executed;
  throw ClientError({.code = "bad_executed",
                     .sentence = fmt::format(
                         "the rows executed since the last reply are [{}, {}], expected [{}, {}]: all that a reply "
                         "holds are executed before the next observation",
                         executed.rows(), executed.cols(), policy_.execute, policy_.action_width),
                     .field = "executed"});
}

Matrix ServedEpisode::compute(const Request& request, RoundNotes& notes) {
  const Matrix executed = executed_of(request);
  if (!options_.asks_each_step) executed_ = executed;
  const Stopwatch stopwatch;
  const Matrix actions = guarded([&] { return robot_.act(request.observation, executed); });
  notes.infer_ms = stopwatch.milliseconds();
  if (actions.rows() >= policy_.execute && actions.allFinite()) return actions.topRows(policy_.execute);
  ended_by_ = Beginning::failure;
  throw ClientError({.code = "no_actions",
                     .sentence = "the policy computed actions that are not finite numbers, which are not sent; the "
                                 "episode begins anew with the next observation"});
}

Matrix ServedEpisode::act(const Request& request, double seconds, RoundNotes& notes) {
  if (const std::optional<Beginning> beginning = beginning_of(request, seconds)) start(request, *beginning);
  if (options_.asks_each_step) executed_ = given_ > 0 ? Matrix(chunk_.row(given_ - 1)) : Matrix();
  looked_ = !options_.asks_each_step || given_ == chunk_.rows();
  if (looked_) {
    chunk_ = compute(request, notes);
    given_ = 0;
    ended_by_.reset();
    ++round_;
  }
  last_seconds_ = seconds + (notes.queue_ms + notes.infer_ms) / 1000;
  notes.episode = episode_;
  notes.round = round_ - 1;
  notes.beginning = beginning_;
  return options_.asks_each_step ? chunk_.row(given_++) : chunk_;
}

}  // namespace physgen
