#include "bench/session_rounds.h"

#include <thread>

#include <physgen/device/machine.h>

#include "core/stopwatch.h"

namespace physgen {
namespace {

void run_rounds(ControlRounds& session, int64_t rounds) {
  StageTimes times;
  for (int64_t i = 0; i < rounds; ++i) session.run(times);
}

}  // namespace

SessionRounds::SessionRounds(const std::shared_ptr<const Policy>& policy, const PolicyConfig& config, int64_t sessions,
                             const std::shared_ptr<RoundBatcher>& batcher) {
  const int64_t episode = 2 * config.model.packs;
  for (int64_t i = 0; i < sessions; ++i) {
    sessions_.push_back(std::make_unique<ControlRounds>(policy, config, ControllerOptions{.batcher = batcher}));
    run_rounds(*sessions_.back(), 1 + i * episode / sessions);
  }
}

double SessionRounds::run(int64_t rounds) {
  const Stopwatch stopwatch;
  {
    std::vector<std::jthread> threads;
    for (const auto& session : sessions_) threads.emplace_back([&] { run_rounds(*session, rounds); });
  }
  return static_cast<double>(rounds * std::ssize(sessions_)) / stopwatch.seconds();
}

ComputeThreads::ComputeThreads(int64_t threads) : before_(compute_threads()) { set_compute_threads(threads); }
ComputeThreads::~ComputeThreads() { set_compute_threads(before_); }

}  // namespace physgen
