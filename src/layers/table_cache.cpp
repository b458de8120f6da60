#include <physgen/layers/table_cache.h>

#include <torch/torch.h>

namespace physgen {
namespace {

constexpr size_t kMostTables = 1024;  // an episode without end asks for ever new positions

}  // namespace

at::Tensor TableCache::get(const Key& key, const at::TensorOptions& options,
                           const std::function<at::Tensor()>& make) const {
  const at::Device device = options.device();
  const Place place{key, 256 * static_cast<int64_t>(device.type()) + device.index(),
                    static_cast<int64_t>(c10::typeMetaToScalarType(options.dtype()))};
  const std::lock_guard lock(mutex_);
  if (const auto found = tables_.find(place); found != tables_.end()) return found->second;
  const c10::InferenceMode for_training_too(false);
  const at::NoGradGuard no_gradient;
  const at::Tensor table = make().to(options.requires_grad(false));
  if (tables_.size() < kMostTables) tables_.emplace(place, table);
  return table;
}

}  // namespace physgen
