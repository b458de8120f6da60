#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <memory>

#include "distributed/sum_times.h"

namespace physgen {

/// Another backend, whose sums of fractions (of gradients, that is) it notes the times of.
class TimedBackend final : public c10d::Backend {
 public:
  TimedBackend(c10::intrusive_ptr<c10d::Backend> backend, std::shared_ptr<SumTimes> times)
      : c10d::Backend(backend->getRank(), backend->getSize()), backend_(std::move(backend)), times_(std::move(times)) {}

  const std::string getBackendName() const override { return backend_->getBackendName(); }

  c10::intrusive_ptr<c10d::Work> allreduce(std::vector<at::Tensor>& tensors,
                                           const c10d::AllreduceOptions& options) override {
    if (!tensors.front().is_floating_point()) return backend_->allreduce(tensors, options);
    const size_t number = times_->begin();
    auto work = backend_->allreduce(tensors, options);
    work->getFuture()->addCallback([times = times_, number](c10::ivalue::Future&) { times->end(number); });
    return work;
  }

 private:
  c10::intrusive_ptr<c10d::Backend> backend_;
  std::shared_ptr<SumTimes> times_;
};

}  // namespace physgen
