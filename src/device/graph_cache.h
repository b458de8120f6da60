#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>
#include <string>

namespace physgen {

/// Work on a device that comes again and again, each kind of it the same operations on the same memory. On CUDA, from
/// the second time on, a kind is one launch of a graph, on a stream of this cache's own; elsewhere, and where graphs
/// are off, it is just done. For one thread at a time.
class GraphCache {
 public:
  GraphCache(at::Device device, bool on);
  ~GraphCache();

  /// Does `work`, or what it did when it was recorded. It reads and writes tensors that stay where they are, waits for
  /// nothing, and changes no state of the host that a later call would miss.
  void run(const std::string& kind, const std::function<void()>& work);

  /// Makes the cache's stream the current one for as long as it lives.
  class Stream {
   public:
    explicit Stream(GraphCache& cache);
    ~Stream();

   private:
    struct Guard;
    std::unique_ptr<Guard> guard_;
  };

 private:
  struct Graphs;
  std::unique_ptr<Graphs> graphs_;  // none where work is just done
};

}  // namespace physgen
