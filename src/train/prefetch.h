#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <utility>

namespace physgen {

/// Makes the next value on another thread while the present one is used; never more than one ahead. A value is a pure
/// function of its index, so that neither order nor a resume changes one.
template <class Value>
class Prefetch {
 public:
  /// @param make  called on another thread; what it refers to must outlive this
  explicit Prefetch(std::function<Value(int64_t)> make) : make_(std::move(make)) {}

  /// The value of `index`; the one of `index + 1` is begun. Throws what `make` throws.
  Value take(int64_t index) {
    Value value = next_.valid() && next_index_ == index ? next_.get() : make_(index);
    next_index_ = index + 1;
    next_ = std::async(std::launch::async, make_, next_index_);
    return value;
  }

 private:
  std::function<Value(int64_t)> make_;
  int64_t next_index_ = -1;
  std::future<Value> next_;  // its destructor waits
};

}  // namespace physgen
