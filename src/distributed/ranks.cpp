#include "distributed/ranks.h"

#include <algorithm>
#include <exception>
#include <thread>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

#ifdef USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#endif
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace physgen {

#ifdef USE_C10D_GLOO

namespace {

constexpr size_t kFirstBucketBytes = size_t{1} << 20;  // small, so that the first sum begins early in the backward pass
constexpr size_t kBucketBytes = size_t{25} << 20;
constexpr auto kPatience = std::chrono::milliseconds(std::chrono::hours(24));
constexpr auto kToNotice = std::chrono::seconds(2);
constexpr auto kStoreTimeout = std::chrono::milliseconds(1000);  // to ask what has to be there already

std::string key_of(int rank) { return "calls/" + std::to_string(rank); }

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

c10::intrusive_ptr<c10d::Store> meet_at(const RankPlace& place, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.master_port);
  options.isServer = !place.agent_store && place.rank == 0;
  options.waitWorkers = false;
  options.timeout = timeout;
  const auto store = c10::make_intrusive<c10d::TCPStore>(place.master_host, options);
  // torchrun's store keeps what ranks wrote before they were begun anew.
  return c10::make_intrusive<c10d::PrefixStore>("physgen/" + std::to_string(place.restarts), store);
}

c10::intrusive_ptr<c10d::Backend> gloo_of(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                          std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");  // NOLINT(concurrency-mt-unsafe)
  options->devices.push_back(interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                       : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store), place.rank,
                                                     place.size, options);
}

#ifdef USE_C10D_NCCL
c10::intrusive_ptr<c10d::Backend> nccl_of(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                          std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store), place.rank,
                                                     place.size, options);
}
#endif

}  // namespace

struct Ranks::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> processes;
  std::unique_ptr<c10d::Reducer> reducer;
};

Ranks::Ranks(RankPlace place, at::Device device, std::chrono::milliseconds timeout)
    : place_(std::move(place)), group_(std::make_unique<Group>()) {
  guarded([&] {
    group_->store = meet_at(place_, timeout);
    group_->processes = c10::make_intrusive<c10d::ProcessGroup>(group_->store, place_.rank, place_.size);
    group_->processes->setBackend(at::kCPU, c10d::ProcessGroup::GLOO, gloo_of(group_->store, place_, timeout));
    group_->processes->setDefaultBackend(c10d::ProcessGroup::GLOO);
    if (!device.is_cuda()) return;
#ifdef USE_C10D_NCCL
    group_->processes->setBackend(at::kCUDA, c10d::ProcessGroup::NCCL, nccl_of(group_->store, place_, timeout));
    group_->processes->setDefaultBackend(c10d::ProcessGroup::NCCL);
#else
    throw ConfigError({.what = "several processes cannot train on GPUs",
                       .got = "a build without NCCL",
                       .next_step = "configure with the CUDA wheel of LibTorch, which brings nccl.h"});
#endif
  });
}

/// Does what all ranks do at once. Each says in the store how often it came here, so that those can be named that did
/// not.
template <class Work>
void Ranks::guarded(const Work& work) {
  try {
    if (group_->store) group_->store->set(key_of(place_.rank), bytes_of(std::to_string(++calls_)));
    work();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& failure) {
    std::string words = failure.what();
    words.resize(std::min(words.size(), words.find('\n')));
    throw Error({.what = "the processes that train together have lost each other",
                 .where = "rank " + std::to_string(place_.rank) + " of " + std::to_string(place_.size),
                 .got = words + missing(),
                 .next_step =
                     "look at the other ranks' messages; torchrun --max-restarts begins all anew, from the last "
                     "checkpoint"});
  }
}

/// Those that came here less often than this rank.
std::vector<std::string> Ranks::behind() {
  std::vector<std::string> names;
  for (int rank = 0; rank < place_.size; ++rank) {
    const bool known = group_->store->check({key_of(rank)});
    const auto bytes = known ? group_->store->get(key_of(rank)) : bytes_of("0");
    if (std::stoll(std::string(bytes.begin(), bytes.end())) < calls_) names.push_back(std::to_string(rank));
  }
  return names;
}

/// Those that do not notice, as this rank did, that the others are lost.
std::vector<std::string> Ranks::silent() {
  const auto key = [](int rank) { return "lost/" + std::to_string(rank); };
  group_->store->set(key(place_.rank), bytes_of("here"));
  std::this_thread::sleep_for(kToNotice);
  std::vector<std::string> names;
  for (int rank = 0; rank < place_.size; ++rank) {
    if (!group_->store->check({key(rank)})) names.push_back(std::to_string(rank));
  }
  return names;
}

/// "; missing: rank 1", or "".
std::string Ranks::missing() {
  try {
    if (!group_->store) return "";
    group_->store->setTimeout(kStoreTimeout);
    std::vector<std::string> names = behind();
    if (names.empty()) names = silent();
    return names.empty() ? "" : "; missing: rank " + comma_separated(names);
  } catch (const std::exception&) {
    return "; the store, which rank 0 or torchrun holds, cannot be reached";
  }
}

std::vector<double> Ranks::sum(std::vector<double> numbers) {
  guarded([&] {
    std::vector<at::Tensor> shared = {at::tensor(numbers, at::kDouble)};
    group_->processes->allreduce(shared)->wait();
    const double* found = shared[0].const_data_ptr<double>();
    numbers.assign(found, found + shared[0].numel());
  });
  return numbers;
}

void Ranks::meet() {
  guarded([&] {
    std::vector<std::string> keys;
    for (int rank = 0; rank < place_.size; ++rank) {
      keys.push_back("met/" + std::to_string(calls_) + "/" + std::to_string(rank));
    }
    group_->store->set(keys[static_cast<size_t>(place_.rank)], bytes_of("here"));
    group_->store->wait(keys, kPatience);
  });
}

void Ranks::require_same(const std::string& text, const std::string& what) {
  const std::string key = "same/" + std::to_string(calls_) + "/";
  guarded([&] {
    group_->store->set(key + std::to_string(place_.rank), bytes_of(text));
    const auto first = group_->store->get(key + "0");
    for (int rank = 1; rank < place_.size; ++rank) {
      const auto theirs = group_->store->get(key + std::to_string(rank));
      if (theirs == first) continue;
      throw ConfigError({.what = "the processes that train together do not agree in " + what,
                         .where = "rank " + std::to_string(rank),
                         .got = std::string(theirs.begin(), theirs.end()),
                         .expected = std::string(first.begin(), first.end()) + ", as rank 0 has it",
                         .next_step = "give all ranks the same command, files and program"});
    }
  });
}

void Ranks::watch(const std::vector<at::Tensor>& parameters) {
  guarded([&] {
    std::vector<bool> sparse(parameters.size(), false);
    auto [buckets, limits] =
        c10d::compute_bucket_assignment_by_size(parameters, {kFirstBucketBytes, kBucketBytes}, sparse);
    std::reverse(buckets.begin(), buckets.end());  // gradients come from the last parameter to the first
    group_->reducer = std::make_unique<c10d::Reducer>(
        parameters, buckets, group_->processes, sparse, kBucketBytes, /*find_unused_parameters=*/true,
        /*gradient_as_bucket_view=*/false, std::unordered_map<size_t, std::string>(), kFirstBucketBytes,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, std::vector<int64_t>());
  });
}

void Ranks::backward(const at::Tensor& loss, bool last) {
  const at::Tensor whole = loss * place_.size;  // c10d gives means
  if (!last) return whole.backward();
  guarded([&] {
    group_->reducer->prepare_for_backward({whole});
    whole.backward();
  });
}

#else

struct Ranks::Group {};

Ranks::Ranks(RankPlace place, at::Device, std::chrono::milliseconds) : place_(std::move(place)) {
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
