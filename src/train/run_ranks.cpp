#include "train/run_ranks.h"

#include <physgen/core/error.h>

#include "device/compute_device.h"

namespace physgen {
namespace {

std::string device_of(const std::string& device, const RankPlace& place) {
  const bool any_gpu = device == "cuda" || (device == "auto" && compute_device(device).is_cuda());
  return place.size > 1 && any_gpu ? "cuda:" + std::to_string(place.local_rank) : device;
}

}  // namespace

void check_shares(const RunConfig& config, int64_t ranks) {
  if (config.batch % (config.accumulation * ranks) == 0) return;
  throw ConfigError({.what = "the batch does not divide among the processes that train together",
                     .where = "batch",
                     .got = std::to_string(config.batch),
                     .expected = "a multiple of " + std::to_string(ranks) + " processes x accumulation " +
                                 std::to_string(config.accumulation),
                     .next_step = "change batch or accumulation, or start another number of processes"});
}

RunRanks::RunRanks(const RunConfig& config, const std::string& device)
    : place_(rank_place()), device_(device_of(device, place_)) {
  const at::Device found = compute_device(device_);  // refuses one that is not there
  if (place_.size == 1) return;
  check_shares(config, place_.size);
  const auto timeout = std::chrono::duration<double, std::ratio<60>>(config.rank_timeout_minutes);
  ranks_ = std::make_unique<Ranks>(place_, found, std::chrono::duration_cast<std::chrono::milliseconds>(timeout));
}

void RunRanks::meet() const {
  if (ranks_) ranks_->meet();
}

void RunRanks::require_same(const std::string& text, const std::string& what) const {
  if (ranks_) ranks_->require_same(text, what);
}

}  // namespace physgen
