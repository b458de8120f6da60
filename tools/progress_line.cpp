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

void ProgressLine::show(const std::string& name, int64_t done, int64_t total, const std::string& text) {
  const int64_t interval = std::max<int64_t>(1, total / kLines);
  if (terminal_) {
    fmt::print(stderr, "\r\033[K{} {}/{} [{}] {}", name, done, total, bar_of(done, total), text);
    std::fflush(stderr);
    shown_ = true;
  } else if (done % interval == 0 || done == 1 || done == total) {
    fmt::print(stderr, "{} {}/{} {}\n", name, done, total, text);
  }
  if (done == total) clear();
}

void ProgressLine::clear() {
  if (shown_) fmt::print(stderr, "\n");
  shown_ = false;
}

}  // namespace physgen
