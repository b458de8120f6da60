#pragma once

#include <ATen/core/Tensor.h>

#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>

namespace physgen {

/// Constant tables of a module (positions, masks): each is computed once on the CPU and kept on every device and in
/// every dtype that asks for it, so that a computation neither rebuilds nor uploads one. Several threads may ask.
class TableCache {
 public:
  /// Which of the module's tables: its own numbers.
  struct Key {
    int64_t table = 0, first = 0, count = 0;
    auto operator<=>(const Key&) const = default;
  };

  /// The table with the device and the dtype of `options`. @param make  computes it where it is not there yet
  at::Tensor get(const Key& key, const at::TensorOptions& options, const std::function<at::Tensor()>& make) const;

 private:
  struct Place {
    Key key;
    int64_t device = 0, dtype = 0;
    auto operator<=>(const Place&) const = default;
  };

  mutable std::mutex mutex_;
  mutable std::map<Place, at::Tensor> tables_;
};

}  // namespace physgen
