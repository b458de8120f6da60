#include "run_display.h"

#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "files/atomic_file.h"
#include "stop_signal.h"
#include "train/training_report.h"

namespace physgen {
namespace {

std::string list_of(const std::vector<NamedNumber>& numbers) {
  std::string text;
  for (const NamedNumber& number : numbers) {
    text += fmt::format("{}{} {:.4f}", text.empty() ? "" : ", ", number.name, number.value);
  }
  return text;
}

/// "", or "  12 % of it waiting for data": where decoding or the disk holds the run back.
std::string waiting_text(const StepMetrics& now) {
  constexpr double kNoticeable = 0.05;
  const double share = now.waiting_seconds / now.seconds;
  return share < kNoticeable ? "" : fmt::format("  {:.0f} % of it waiting for data", 100 * share);
}

std::string text_of(const StepMetrics& now, double mean_seconds) {
  return fmt::format("loss {:.4f} ({})  {:.2f} s a step{}{}", now.loss, list_of(now.losses), mean_seconds,
                     waiting_text(now), now.skipped ? "  skipped: not finite" : "");
}

std::string text_of(const EvaluationMetrics& now) {
  std::string text = fmt::format("step {}, held-out episodes: {}", now.step, list_of(now.numbers));
  if (!now.action_errors.empty()) text += "; action errors: " + list_of(now.action_errors);
  return text + (now.best ? "; the best so far" : "");
}

}  // namespace

TrainingCallbacks RunDisplay::callbacks() {
  return {.encoding = [this](int64_t frames, int64_t total) { line_.show("encoding frame", frames, total, ""); },
          .step = [this](const StepMetrics& now) { show(now); },
          .evaluation =
              [this](const EvaluationMetrics& now) {
                say(text_of(now));
                write_page();
              },
          .note = [this](const std::string& text) { say(text); }};
}

void RunDisplay::show(const StepMetrics& now) {
  seconds_ += now.seconds;
  ++steps_;
  line_.show("step", now.step, now.steps, text_of(now, seconds_ / steps_));
}

void RunDisplay::say(const std::string& text) {
  line_.clear();
  spdlog::info("{}", text);
}

void write_training_page(const std::string& out) {
  write_file_atomically(std::filesystem::path(out) / "report.html", training_report(out));
}

// A page is no reason to end a run.
static void try_to_write_page(const std::string& out) try {
  write_training_page(out);
} catch (const std::exception& error) {
  spdlog::warn("the page of the run was not written: {}", error.what());
}

// Reads all that the run has said, which takes the longer the longer it is.
void RunDisplay::write_page() {
  constexpr double kBetween = 60;  // seconds
  if (page_written_ && page_written_->seconds() < kBetween) return;
  try_to_write_page(out_);
  page_written_.emplace();
}

void conclude(const TrainingResult& result, const std::string& out, int signal, const std::string& use) {
  if (result.speaks && holds_training(out)) try_to_write_page(out);
  if (!result.stopped) {
    if (!result.speaks) return;
    spdlog::info("done: step {}; {} {}", result.step, use, result.best);
    return;
  }
  if (result.speaks) requeue_after(signal);
  throw Interrupted({.what = fmt::format("stopped after step {}", result.step),
                     .where = out,
                     .got = "",
                     .expected = "",
                     .next_step = "the same command with --resume goes on from there"},
                    signal);
}

}  // namespace physgen
