#include <physgen/policy/round_batcher.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <utility>

#include <torch/torch.h>

#include <physgen/device/machine.h>

#include "policy/round_batch.h"
#include "policy/round_queue.h"

namespace physgen {

RoundQueue::RoundQueue(const RoundBatcherOptions& options, int64_t lanes) : options_(options), idle_(lanes) {
  const int64_t callers = compute_threads(), all = options.threads > 0 ? options.threads : callers;
  for (int64_t lane = 0; lane < lanes; ++lane) start_lane(std::max<int64_t>(1, all / lanes));
  set_compute_threads(callers);  // of threads that start later, too
}

void RoundQueue::start_lane(int64_t threads) {
  std::promise<void> is_set_up;
  const std::future<void> set_up = is_set_up.get_future();
  lanes_.emplace_back([this, threads, promise = std::move(is_set_up)]() mutable {
    set_compute_threads(threads);
    promise.set_value();
    work();
  });
  set_up.wait();
}

RoundQueue::~RoundQueue() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  for (std::thread& lane : lanes_) lane.join();
}

void RoundQueue::change_seats(int64_t change) {
  {
    const std::lock_guard lock(mutex_);
    seats_ += change;
  }
  changed_.notify_all();
}

at::Tensor RoundQueue::run(ControlRound& round, const RoundInputs& inputs, const std::function<at::Tensor()>& alone) {
  Request request{&round, &inputs, {}};
  std::future<std::optional<at::Tensor>> answer = request.answer.get_future();
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(request));
  }
  changed_.notify_all();
  if (std::optional<at::Tensor> actions = answer.get()) return *actions;
  try {
    at::Tensor actions = alone();
    finish(1);
    return actions;
  } catch (...) {
    finish(1);
    throw;
  }
}

RoundBatcher::Counts RoundQueue::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void RoundQueue::work() {
  const c10::InferenceMode inference;
  for (std::vector<Request> batch = next_batch(); !batch.empty(); batch = next_batch()) {
    if (batch.size() == 1) {
      batch.front().answer.set_value(std::nullopt);
    } else {
      compute(batch);
    }
  }
}

// A round alone waits for those that are computed, too: two that wait once are computed together from then on.
bool RoundQueue::all_have_asked() const {
  const int64_t waiting = std::ssize(waiting_);
  return waiting >= seats_ - (waiting > 1 ? computed_ : 0);
}

// Empty: it is over.
std::vector<RoundQueue::Request> RoundQueue::next_batch() {
  const auto time = std::chrono::duration<double, std::milli>(options_.wait_milliseconds);
  std::unique_lock lock(mutex_);
  while (!stops_) {
    changed_.wait(lock, [this] { return stops_ || !waiting_.empty(); });
    changed_.wait_for(lock, time, [this] { return stops_ || waiting_.empty() || all_have_asked(); });
    if (!waiting_.empty()) return take_share();  // else another lane took all
  }
  return {};
}

// The lanes that are idle share what waits, two rounds at least.
std::vector<RoundQueue::Request> RoundQueue::take_share() {
  const int64_t waiting = std::ssize(waiting_);
  const int64_t count = std::min(waiting, std::max<int64_t>(2, (waiting + idle_ - 1) / idle_));
  std::vector<Request> batch(std::make_move_iterator(waiting_.begin()),
                             std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  computed_ += count;
  if (count == 1) {
    ++counts_.alone;
  } else {
    ++counts_.batches;
    counts_.batched += count;
    --idle_;
  }
  return batch;
}

void RoundQueue::compute(std::vector<Request>& batch) {
  const auto tell = [this](const char* stage, double milliseconds) {
    const std::lock_guard lock(told_);
    options_.on_stage(stage, milliseconds);
  };
  std::vector<at::Tensor> actions;
  std::exception_ptr error;
  try {
    RoundBatch rounds;
    for (const Request& request : batch) rounds.add(*request.round, *request.inputs);
    actions = options_.on_stage ? rounds.run(tell) : rounds.run();
  } catch (...) {
    error = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    ++idle_;
  }
  finish(std::ssize(batch));  // before they can ask again
  for (size_t i = 0; i < batch.size(); ++i) {
    error ? batch[i].answer.set_exception(error) : batch[i].answer.set_value(actions[i]);
  }
}

void RoundQueue::finish(int64_t rounds) {
  {
    const std::lock_guard lock(mutex_);
    computed_ -= rounds;
  }
  changed_.notify_all();
}

namespace {

// A batch of two rounds is the least. On a GPU one batch of all is the quickest; threads of the CPU compute rounds that
// are as small as a robot's quicker side by side than together.
int64_t lanes_of(const Policy& policy, const RoundBatcherOptions& options) {
  if (policy.device() != "cpu") return 1;
  const int64_t threads = options.threads > 0 ? options.threads : compute_threads();
  return std::clamp<int64_t>(options.controllers / 2, 1, threads);
}

}  // namespace

RoundBatcher::RoundBatcher(std::shared_ptr<const Policy> policy, const RoundBatcherOptions& options)
    : policy_(std::move(policy)), queue_(std::make_unique<RoundQueue>(options, lanes_of(*policy_, options))) {}
RoundBatcher::~RoundBatcher() = default;

RoundBatcher::Counts RoundBatcher::counts() const { return queue_->counts(); }

}  // namespace physgen
