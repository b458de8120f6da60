#pragma once

#include <cstdint>
#include <string>

#include "core/stopwatch.h"

namespace physgen {

/// How far a long task is, on standard error: one line that is rewritten on a terminal, and about fifty lines in all
/// where the output goes to a file or a pipe.
class ProgressLine {
 public:
  ProgressLine();

  /// With the time that is left, by the pace since the first call of this name.
  /// @param name  what is counted, "step"  @param text  what else to say
  void show(const std::string& name, int64_t done, int64_t total, const std::string& text);
  /// Makes room for another line of text.
  void clear();

 private:
  std::string time_left(const std::string& name, int64_t done, int64_t total);

  bool terminal_;
  bool shown_ = false;
  int64_t shown_until_ = 0;
  std::string name_;     // that is counted now,
  int64_t from_ = 0;     // from here on,
  Stopwatch stopwatch_;  // for so long
};

}  // namespace physgen
