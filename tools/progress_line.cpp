#include "progress_line.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace physgen {
namespace {

constexpr int64_t kBarWidth = 24;
constexpr int64_t kLines = 50;

std::string bar_of(int64_t done, int64_t total) {
  const auto filled = static_cast<size_t>(kBarWidth * done / std::max<int64_t>(total, 1));
  return std::string(filled, '#') + std::string(kBarWidth - filled, '.');
}

}  // namespace

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

/// "", or "  4 min left".
std::string ProgressLine::time_left(const std::string& name, int64_t done, int64_t total) {
  if (name_ != name || done <= from_) {
    name_ = name;
    from_ = done;
    stopwatch_ = {};
    return "";
  }
  if (done == total) return "";
  const double seconds = stopwatch_.seconds() * static_cast<double>(total - done) / static_cast<double>(done - from_);
  if (seconds < 100) return fmt::format("  {:.0f} s left", seconds);
  return seconds < 6000 ? fmt::format("  {:.0f} min left", seconds / 60)
                        : fmt::format("  {:.1f} h left", seconds / 3600);
}

void ProgressLine::show(const std::string& name, int64_t done, int64_t total, const std::string& text) {
  const int64_t interval = std::max<int64_t>(1, total / kLines);
  const std::string left = time_left(name, done, total);
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{} {}/{} [{}] {}{}", name, done, total, bar_of(done, total), text, left);
    std::fflush(stderr);
    shown_ = true;
  } else if (done / interval != shown_until_ / interval || done == 1 || done == total) {
    fmt::print(stderr, "{} {}/{} {}{}\n", name, done, total, text, left);
  }
  shown_until_ = done;
  if (done == total) clear();
}

void ProgressLine::clear() {
  if (shown_) fmt::print(stderr, "\n");
  shown_ = false;
}

}  // namespace physgen
