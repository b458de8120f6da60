#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "files/pickle_value.h"

namespace physgen {

/// The stack of a pickle with its marks, its memo and the tuples made from it. Every function throws FormatError where
/// the stack has not what it asks for, nothing below the last mark included, and beyond the limits below.
class PickleStack {
 public:
  // A tensor takes 6 remembered values and about 20 values in tuples; a dict or list is filled by at most 1,000 items
  // at a time, so that a dict holds 2,000 values of the stack while one of its own is filled; a tensor's own tuples are
  // nested twice, under 3 marks, and a config's dicts and lists a mark or two each. A value takes 32 bytes: those of
  // the stack 2 MB, those remembered 32 MB, those in tuples 128 MB, and each as much again to grow.
  static constexpr size_t kMostRemembered = 1 << 20;
  static constexpr size_t kMostKept = 1 << 22;  ///< values in tuples and dicts
  static constexpr size_t kMostStacked = 1 << 16;
  static constexpr size_t kMostMarks = 256;
  static constexpr uint8_t kDeepestTuple = 16;

  explicit PickleStack(const std::string& source) : source_(source) {}

  void push(const PickleValue& value);
  PickleValue pop();
  const PickleValue& top() const { return last(1)[0]; }
  std::span<const PickleValue> last(size_t count) const;
  /// Drops the last `count` values.
  void drop(size_t count);
  /// The one value of the stack, at the end of the pickle.
  PickleValue only() const;

  void open_mark();
  /// The number of values above the last mark.
  size_t close_mark();

  /// The top, at the next free place: where Python's writer puts it.
  void remember(uint32_t place);
  void recall(uint32_t place);

  /// Of the last `count` values, which it replaces.
  void push_tuple(size_t count);
  std::span<const PickleValue> items_of(const PickleValue& tuple) const;

  /// Counts values that go into a dict.
  void count_kept(size_t count);

 private:
  size_t available() const { return values_.size() - (marks_.empty() ? 0 : marks_.back()); }
  [[noreturn]] void refuse_more(const char* what, size_t most) const;

  const std::string& source_;
  std::vector<PickleValue> values_;
  std::vector<size_t> marks_;
  std::vector<PickleValue> memo_;
  std::vector<PickleValue> tuple_items_;
  size_t kept_ = 0;
};

}  // namespace physgen
