#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <cstdint>
#include <string>

namespace physgen {

/// What each rank has come to, as it says in the store that all of them meet at: the number and the kind of its last
/// call. Only when something goes wrong does anybody read it.
class CallLog {
 public:
  CallLog(c10::intrusive_ptr<c10d::Store> store, int rank, int size)
      : store_(std::move(store)), rank_(rank), size_(size) {}

  /// This rank begins its next call.
  /// @param kind  "sum of 3 numbers"
  void enter(const std::string& kind);
  /// This rank makes no more calls.
  void leave();

  /// The number of the call that this rank is in, 1 for the first.
  int64_t number() const { return number_; }
  /// Whether a rank has left. Throws std::exception where the store is gone, as what follows does.
  bool is_incomplete() const;
  /// Who is elsewhere than others, "rank 1: call 17 (backward pass); rank 0, 2: call 18 (sum of 3 numbers)", the fewest
  /// first; or "missing: rank 1" of those that do not notice within seconds that something is wrong; or "".
  std::string whereabouts();

 private:
  std::string read(int rank) const;
  std::string differences() const;
  std::string silent();

  c10::intrusive_ptr<c10d::Store> store_;
  int rank_, size_;
  int64_t number_ = 0;
  std::string place_;  // of this rank, as the store has it
};

}  // namespace physgen
