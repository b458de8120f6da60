#pragma once

#include <cstdint>
#include <string>

namespace physgen {

/// How far a long task is, on standard error: one line that is rewritten on a terminal, and about fifty lines in all
/// where the output goes to a file or a pipe.
class ProgressLine {
 public:
  ProgressLine();

  /// @param name  what is counted, "step"  @param text  what else to say
  void show(const std::string& name, int64_t done, int64_t total, const std::string& text);
  /// Makes room for another line of text.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace physgen
