#include "device/graph_cache.h"

#ifdef PHYSGEN_HAS_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>

namespace physgen {

struct GraphCache::Graphs {
  explicit Graphs(at::Device device) : stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device.index())) {}

  c10::cuda::CUDAStream stream;
  std::map<std::string, std::unique_ptr<at::cuda::CUDAGraph>> recorded;  // empty: done once, not recorded yet
};

namespace {

std::unique_ptr<at::cuda::CUDAGraph> record(const std::function<void()>& work) {
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  graph->capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);  // other threads may go on allocating
  try {
    work();
  } catch (...) {
    graph->capture_end();
    throw;
  }
  graph->capture_end();
  return graph;
}

}  // namespace

GraphCache::GraphCache(at::Device device, bool on)
    : graphs_(device.is_cuda() && on ? std::make_unique<Graphs>(device) : nullptr) {}

// The first time libraries choose and set up what they use, which cannot be recorded.
void GraphCache::run(const std::string& kind, const std::function<void()>& work) {
  if (!graphs_) return work();
  const Stream stream(*this);
  const auto [found, is_new] = graphs_->recorded.try_emplace(kind);
  if (is_new) return work();
  if (!found->second) found->second = record(work);
  found->second->replay();
}

struct GraphCache::Stream::Guard {
  explicit Guard(c10::cuda::CUDAStream stream) : guard(stream) {}
  c10::cuda::CUDAStreamGuard guard;
};

GraphCache::Stream::Stream(GraphCache& cache) {
  if (cache.graphs_) guard_ = std::make_unique<Guard>(cache.graphs_->stream);
}

}  // namespace physgen
#else
namespace physgen {

struct GraphCache::Graphs {};
struct GraphCache::Stream::Guard {};

GraphCache::GraphCache(at::Device, bool) {}
void GraphCache::run(const std::string&, const std::function<void()>& work) { work(); }
GraphCache::Stream::Stream(GraphCache&) {}

}  // namespace physgen
#endif

namespace physgen {

GraphCache::~GraphCache() = default;
GraphCache::Stream::~Stream() = default;

}  // namespace physgen
