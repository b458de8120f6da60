#pragma once

#include <bit>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "files/pickle_error.h"

namespace physgen {

/// The bytes of a pickle, taken from the front. Whatever is taken lies in them. Throws FormatError at their end.
class PickleBytes {
 public:
  PickleBytes(std::span<const std::byte> bytes, const std::string& source)
      : text_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), source_(source) {}

  size_t size() const { return text_.size(); }
  size_t position() const { return at_; }

  std::string_view take(size_t count) {
    if (count > text_.size() - at_) refuse_pickle(source_, "its end at byte " + std::to_string(size()), "more bytes");
    const std::string_view taken = text_.substr(at_, count);
    at_ += count;
    return taken;
  }

  template <class Number>
  Number take_number() {
    static_assert(std::endian::native == std::endian::little, "the numbers of a pickle are little-endian");
    Number number{};
    take(sizeof(Number)).copy(reinterpret_cast<char*>(&number), sizeof(Number));
    return number;
  }

  /// Without its end, which is taken, too.
  std::string_view take_line() {
    const size_t length = text_.substr(at_, kLongestLine).find('\n');
    if (length != std::string_view::npos) return take(length + 1).substr(0, length);
    refuse_pickle(source_, "a name without an end at byte " + std::to_string(at_), "at most 1024 bytes");
  }

 private:
  static constexpr size_t kLongestLine = 1024;  // bytes

  std::string_view text_;
  const std::string& source_;
  size_t at_ = 0;
};

}  // namespace physgen
