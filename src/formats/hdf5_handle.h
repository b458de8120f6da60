#pragma once

#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

namespace physgen {

/// Holds the lock on the HDF5 library, which is not thread-safe, with its own printing of errors off.
class Hdf5Lock {
 public:
  Hdf5Lock();

 private:
  std::scoped_lock<std::recursive_mutex> lock_;
};

/// An open HDF5 id with the function that closes it.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept { swap(other); }
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Hdf5Handle();

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  void swap(Hdf5Handle& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
  }

  hid_t id_ = -1;
  Close close_ = nullptr;
};

/// The library's own words on its last failure: the innermost of its stack.
std::string hdf5_words();

}  // namespace physgen
