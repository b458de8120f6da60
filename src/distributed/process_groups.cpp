#ifdef USE_C10D_GLOO

#include "distributed/process_groups.h"

#include <cstdlib>
#include <future>
#include <stdexcept>
#include <thread>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <physgen/core/error.h>

#include "distributed/timed_backend.h"

namespace physgen {
namespace {

using c10d::ProcessGroup;

constexpr auto kToFail = std::chrono::milliseconds(1000);  // that c10d itself has to say that nothing listens

// c10d waits without end for an answer of what listens at a port, whatever it is: another thread does, which is left
// behind where none comes.
c10::intrusive_ptr<c10d::Store> store_at(const std::string& host, const c10d::TCPStoreOptions& options) {
  using StorePtr = c10::intrusive_ptr<c10d::Store>;
  std::packaged_task<StorePtr()> task([=]() -> StorePtr { return c10::make_intrusive<c10d::TCPStore>(host, options); });
  std::future<StorePtr> store = task.get_future();
  std::thread(std::move(task)).detach();
  if (store.wait_for(options.timeout + kToFail) == std::future_status::ready) return store.get();
  throw std::runtime_error("what listens at " + host + ":" + std::to_string(options.port) + " does not answer");
}

c10::intrusive_ptr<c10d::Backend> gloo_of(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                          std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");  // NOLINT(concurrency-mt-unsafe)
  options->devices.push_back(interface ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                       : c10d::ProcessGroupGloo::createDefaultDevice());
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, place.rank, place.size, options);
}

#ifdef USE_C10D_NCCL
c10::intrusive_ptr<c10d::Backend> nccl_of(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                          std::chrono::milliseconds timeout) {
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, place.rank, place.size, options);
}
#else
c10::intrusive_ptr<c10d::Backend> nccl_of(const c10::intrusive_ptr<c10d::Store>&, const RankPlace&,
                                          std::chrono::milliseconds) {
  throw ConfigError({.what = "several processes cannot train on GPUs",
                     .got = "a build without NCCL",
                     .next_step = "configure with the CUDA wheel of LibTorch, which brings nccl.h"});
}
#endif

}  // namespace

c10::intrusive_ptr<c10d::Store> meet_at(const RankPlace& place, std::chrono::milliseconds timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.master_port);
  options.isServer = !place.agent_store && place.rank == 0;
  options.waitWorkers = false;
  options.timeout = timeout;
  const auto store = store_at(place.master_host, options);
  // torchrun's store keeps what ranks wrote before they were begun anew.
  return c10::make_intrusive<c10d::PrefixStore>("physgen/" + std::to_string(place.restarts), store);
}

c10::intrusive_ptr<ProcessGroup> connect(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                         at::Device device, std::chrono::milliseconds timeout,
                                         std::shared_ptr<SumTimes> times) {
  const bool gpu = device.is_cuda();
  auto backend = gpu ? nccl_of(store, place, timeout) : gloo_of(store, place, timeout);
  if (times && !gpu) backend = c10::make_intrusive<TimedBackend>(backend, std::move(times));
  const auto type = gpu ? ProcessGroup::NCCL : ProcessGroup::GLOO;
  auto group = c10::make_intrusive<ProcessGroup>(store, place.rank, place.size);
  group->setBackend(device.type(), type, backend);
  group->setDefaultBackend(type);
  return group;
}

}  // namespace physgen

#endif
