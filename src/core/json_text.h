#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "core/quote.h"

namespace physgen {

/// A JSON text, and how far a parser has read in it. It must outlive the text's characters.
class JsonText {
 public:
  /// @param source  the name of the file, for errors
  /// @param first_line  the number of the text's first line in that file
  JsonText(std::string_view text, std::string source, size_t first_line)
      : text_(text), source_(std::move(source)), first_line_(first_line), read_(std::to_address(text.begin())) {}

  /// Tells the parser's events to `events`; while one is told, the places below are that event's.
  template <class Events>
  bool tell(Events& events) {
    const Cursor begin(std::to_address(text_.begin()), &read_), end(std::to_address(text_.end()), &read_);
    return nlohmann::json::sax_parse(begin, end, &events);
  }

  /// "file, line 3".
  std::string line() const { return source_ + ", line " + std::to_string(line_number()); }
  /// "file, line 3, column 9".
  std::string column() const {
    const size_t begin = last() == 0 ? std::string_view::npos : text_.rfind('\n', last() - 1);
    return line() + ", column " + std::to_string(last() - begin);
  }

 private:
  /// An iterator that leaves behind how far it has come.
  class Cursor {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    Cursor(const char* at, const char** read) : at_(at), read_(read) {}
    reference operator*() const { return *at_; }
    Cursor& operator++() {
      *read_ = ++at_;
      return *this;
    }
    bool operator==(const Cursor& other) const { return at_ == other.at_; }
    bool operator!=(const Cursor& other) const { return at_ != other.at_; }

   private:
    const char* at_;
    const char** read_;
  };

  /// The place of the last character that was read. Behind a number the parser has read one more, maybe a line's end.
  size_t last() const { return static_cast<size_t>(std::max(read_ - text_.data(), std::ptrdiff_t{1}) - 1); }
  size_t line_number() const {
    return first_line_ + static_cast<size_t>(std::count(text_.begin(), text_.begin() + last(), '\n'));
  }

  std::string_view text_;
  std::string source_;
  size_t first_line_;
  const char* read_;
};

/// A path within a JSON value, "key.key[index]", by one more step.
inline void append_key(std::string& path, std::string_view key) {
  if (!path.empty()) path += '.';
  path += escaped(key);
}
inline void append_index(std::string& path, size_t index) {
  path.append("[").append(std::to_string(index)).append("]");
}

}  // namespace physgen
