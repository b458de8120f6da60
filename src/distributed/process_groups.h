#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <memory>

#include "distributed/rank_place.h"
#include "distributed/sum_times.h"

namespace physgen {

/// The store that all ranks meet at: torchrun's, or one that rank 0 holds.
/// @param timeout  of waiting for what others write to it
c10::intrusive_ptr<c10d::Store> meet_at(const RankPlace& place, std::chrono::milliseconds timeout);

/// A group of all ranks, with connections of its own: what one group is asked for never meets what another is.
/// @param store   of its own keys
/// @param device  that its tensors lie on: Gloo for a CPU, NCCL for a GPU; ConfigError where that is lacking
/// @param times   that are noted of its sums; null: none
c10::intrusive_ptr<c10d::ProcessGroup> connect(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                               at::Device device, std::chrono::milliseconds timeout,
                                               std::shared_ptr<SumTimes> times = nullptr);

}  // namespace physgen
