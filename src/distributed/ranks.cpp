#include "distributed/ranks.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <stdexcept>
#include <thread>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "core/first_difference.h"

#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "distributed/call_log.h"
#include "distributed/process_groups.h"
#include "distributed/store_text.h"
#endif

namespace physgen {

#ifdef USE_C10D_GLOO

namespace {

using std::chrono::milliseconds;

constexpr size_t kBuckets = 8;  // that gradients are summed in, so that most sums begin early in the backward pass
constexpr size_t kLeastBucketBytes = size_t{64} << 10;
constexpr size_t kMostBucketBytes = size_t{25} << 20;
constexpr auto kPatience = milliseconds(std::chrono::hours(24));
constexpr auto kMoment = milliseconds(20), kWhile = milliseconds(500);  // between looks whether others have come
constexpr size_t kSumRoom = 64;  // numbers that are summed at once, besides one a rank

c10::intrusive_ptr<c10d::Store> part_of(const c10::intrusive_ptr<c10d::Store>& store, const std::string& name) {
  return c10::make_intrusive<c10d::PrefixStore>(name, store);
}

// For each time that the ranks meet a part of its own; all meet as often.
c10::intrusive_ptr<c10d::Store> own_part(const c10::intrusive_ptr<c10d::Store>& store, int rank) {
  return part_of(store, std::to_string(store->add("meetings/" + std::to_string(rank), 1)));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// Which parameters' gradients are summed together, in the order in which they come: from the last parameter to the
// first. Nothing hides the last sum, which is therefore a small one.
std::vector<std::vector<size_t>> buckets_of(const std::vector<at::Tensor>& parameters) {
  size_t bytes = 0;
  for (const at::Tensor& parameter : parameters) bytes += parameter.nbytes();
  const size_t most = std::clamp(bytes / kBuckets, kLeastBucketBytes, kMostBucketBytes);
  auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(parameters, {most / 4, most}));
  std::reverse(buckets.begin(), buckets.end());
  return buckets;
}

std::string or_nothing(const std::string& line) { return line.empty() ? "nothing more" : line; }

// One that is nearly its own for each call and each count of numbers; all sums of it and of its square are exact.
double mark_of(int64_t call, size_t count) {
  constexpr int64_t kMarks = 65521, kFactor = 257;
  return static_cast<double>((kFactor * call + static_cast<int64_t>(count)) % kMarks);
}

}  // namespace

struct Ranks::Group {
  ~Group() {
    try {
      if (calls) calls->leave();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the store is gone, so that nobody reads it
    }
  }

  c10::intrusive_ptr<c10d::Store> store;
  std::unique_ptr<CallLog> calls;
  // Two groups, so that a sum of numbers never meets gradients: Gloo would add whatever comes.
  c10::intrusive_ptr<c10d::ProcessGroup> numbers, gradients;
  std::shared_ptr<SumTimes> times;  // null where nothing is timed
  std::unique_ptr<c10d::Reducer> reducer;
};

Ranks::Ranks(RankPlace place, at::Device device, milliseconds timeout)
    : place_(std::move(place)), device_(device), timeout_(timeout), group_(std::make_unique<Group>()) {
  guarded("meeting", [&] {
    group_->store = own_part(meet_at(place_, timeout), place_.rank);
    group_->calls = std::make_unique<CallLog>(group_->store, place_.rank, place_.size);
    group_->calls->enter("meeting");
    group_->numbers = connect(part_of(group_->store, "numbers"), place_, at::kCPU, timeout);
  });
}

/// Does what all ranks do at once. Each says in the store what it does, so that those can be named that do not.
template <class Work>
void Ranks::guarded(const std::string& kind, const Work& work) {
  try {
    if (group_->calls) group_->calls->enter(kind);
    work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& failure) {
    const bool met = group_->numbers != nullptr;
    throw Error({.what = std::string("the processes that train together ") +
                         (met ? "have lost each other" : "do not find each other"),
                 .where = "rank " + std::to_string(place_.rank) + " of " + std::to_string(place_.size),
                 .got = first_line(failure.what()) + whereabouts(),
                 .next_step = met ? "look at the other ranks' messages; torchrun --max-restarts begins all anew, from "
                                    "the last checkpoint"
                                  : "start all of them, with the same free port of rank 0's machine; "
                                    "GLOO_SOCKET_IFNAME names the network"});
  }
}

/// "; " with what each rank has come to, or "".
std::string Ranks::whereabouts() {
  try {
    const std::string found = group_->calls ? group_->calls->whereabouts() : "";
    return found.empty() ? "" : "; " + found;
  } catch (const std::exception&) {
    return "; the store, which rank 0 or torchrun holds, cannot be reached";
  }
}

/// One number, the sum of its squares and that of the numbers themselves say whether all ranks ask for the same.
std::vector<double> Ranks::sum_block(const std::vector<double>& numbers, size_t room) {
  const double mark = mark_of(group_->calls->number(), numbers.size()), ranks = place_.size;
  std::vector<double> message = {mark, mark * mark};
  message.insert(message.end(), numbers.begin(), numbers.end());
  message.resize(2 + room, 0);
  std::vector<at::Tensor> shared = {at::tensor(message, at::kDouble)};
  group_->numbers->allreduce(shared)->wait();
  const double* found = shared[0].const_data_ptr<double>();
  if (found[0] != ranks * mark || found[1] != ranks * mark * mark) throw std::runtime_error("they do different things");
  return {found + 2, found + 2 + numbers.size()};
}

std::vector<double> Ranks::sum(std::vector<double> numbers) {
  guarded("sum of " + std::to_string(numbers.size()) + " numbers", [&] {
    const size_t room = kSumRoom + static_cast<size_t>(place_.size);
    for (auto first = numbers.begin(); first != numbers.end();) {
      const auto end = first + std::min<std::ptrdiff_t>(numbers.end() - first, static_cast<std::ptrdiff_t>(room));
      const std::vector<double> summed = sum_block({first, end}, room);
      first = std::copy(summed.begin(), summed.end(), first);
    }
  });
  return numbers;
}

/// Until others have written something. The store's own wait would not see that one of them has ended.
void Ranks::await(const std::vector<std::string>& keys, milliseconds patience) {
  const Stopwatch stopwatch;
  while (!group_->store->check(keys)) {
    if (group_->calls->is_incomplete() && !group_->store->check(keys)) throw std::runtime_error("a process has ended");
    if (stopwatch.milliseconds() > static_cast<double>(patience.count())) throw std::runtime_error("it took too long");
    std::this_thread::sleep_for(stopwatch.seconds() < 1 ? kMoment : kWhile);
  }
}

void Ranks::meet() {
  guarded("meeting", [&] {
    std::vector<std::string> keys;
    for (int rank = 0; rank < place_.size; ++rank) {
      keys.push_back("met/" + std::to_string(group_->calls->number()) + "/" + std::to_string(rank));
    }
    group_->store->set(keys[static_cast<size_t>(place_.rank)], bytes_of("here"));
    await(keys, kPatience);
    sum_block({}, 1);  // who holds the store is not gone before all have seen that all are here
  });
}

void Ranks::require_same(const std::string& text, const std::string& what) {
  guarded("comparison of " + what, [&] {
    const std::string key = "same/" + std::to_string(group_->calls->number()) + "/";
    group_->store->set(key + std::to_string(place_.rank), bytes_of(text));
    const auto text_of_rank = [&](int rank) {
      await({key + std::to_string(rank)}, timeout_);
      return text_of(group_->store->get(key + std::to_string(rank)));
    };
    const std::string first = text_of_rank(0);
    for (int rank = 1; rank < place_.size; ++rank) {
      const std::string theirs = text_of_rank(rank);
      if (theirs == first) continue;
      const auto [expected, got] = first_difference(first, theirs);
      throw ConfigError({.what = "the processes that train together do not agree in " + what,
                         .where = "rank " + std::to_string(rank),
                         .got = or_nothing(got),
                         .expected = or_nothing(expected) + ", as rank 0 has it",
                         .next_step = "give all ranks the same command, files and program"});
    }
  });
}

void Ranks::watch(const std::vector<at::Tensor>& parameters) {
  std::string sizes;
  for (const at::Tensor& parameter : parameters) sizes += c10::str(parameter.sizes(), '\n');
  require_same(sizes, "the parameters that are trained");
  guarded("connecting", [&] {
    if (on_sums) group_->times = std::make_shared<SumTimes>();
    group_->gradients = connect(part_of(group_->store, "gradients/" + std::to_string(group_->calls->number())), place_,
                                device_, timeout_, group_->times);
    group_->reducer = std::make_unique<c10d::Reducer>(
        parameters, buckets_of(parameters), group_->gradients, std::vector<bool>(parameters.size(), false),
        kMostBucketBytes, /*find_unused_parameters=*/true, /*gradient_as_bucket_view=*/false,
        std::unordered_map<size_t, std::string>(), kMostBucketBytes, /*skip_all_reduce_unused_params=*/false,
        /*use_python_reducer=*/false, std::vector<int64_t>());
  });
}

void Ranks::backward(const at::Tensor& loss, bool last) {
  const at::Tensor whole = loss * place_.size;  // c10d gives means
  if (!last) return whole.backward();
  guarded("backward pass", [&] {
    if (group_->times) group_->times->restart();
    group_->reducer->prepare_for_backward({whole});
    whole.backward();
  });
  if (on_sums) on_sums(group_->times ? group_->times->all() : std::vector<SumTime>());
}

#else

struct Ranks::Group {};

Ranks::Ranks(RankPlace place, at::Device device, std::chrono::milliseconds timeout)
    : place_(std::move(place)), device_(device), timeout_(timeout) {
  throw ConfigError({.what = "this build trains in one process alone",
                     .where = "rank " + std::to_string(place_.rank) + " of " + std::to_string(place_.size),
                     .got = "a build without Gloo's headers",
                     .next_step = "run scripts/setup, which installs libgloo-dev, and build again"});
}

std::vector<double> Ranks::sum(std::vector<double> numbers) { return numbers; }
void Ranks::meet() {}
void Ranks::require_same(const std::string&, const std::string&) {}
void Ranks::watch(const std::vector<at::Tensor>&) {}
void Ranks::backward(const at::Tensor&, bool) {}

#endif

Ranks::~Ranks() = default;

}  // namespace physgen
