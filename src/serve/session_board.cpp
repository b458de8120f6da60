#include "session_board.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "physgen/core/statistics.h"

namespace physgen {
namespace {

constexpr size_t kNewest = 256;         // rounds whose latency is told
constexpr double kImagineSeconds = 10;  // after somebody asked

double difference(const Image& one, const Image& other) {
  if (one.pixels.size() != other.pixels.size() || one.pixels.empty()) return 1;
  int64_t sum = 0;
  for (size_t i = 0; i < one.pixels.size(); ++i) sum += std::abs(int{one.pixels[i]} - int{other.pixels[i]});
  return static_cast<double>(sum) / 255 / static_cast<double>(one.pixels.size());
}

}  // namespace

void SessionEntry::ask_to_imagine() {
  const std::lock_guard lock(mutex_);
  asked_to_imagine_.emplace();
}

/// What the policy has seen is compared with what it had expected, and the next picture is imagined.
std::function<void()> SessionEntry::imagined_by(const RobotPolicy& robot) {
  if (!robot.imagine || !asked_to_imagine_ || asked_to_imagine_->seconds() > kImagineSeconds) {
    expected_ = seen_ = was_expected_ = std::nullopt;
    surprise_.reset();
    return {};
  }
  seen_ = robot.canvas();
  was_expected_ = last_.round == 0 ? std::nullopt : std::exchange(expected_, std::nullopt);
  surprise_ = was_expected_ ? std::optional(difference(*seen_, *was_expected_)) : std::nullopt;
  return [this, &robot] {
    try {
      Image expected = robot.imagine();
      const std::lock_guard lock(mutex_);
      expected_ = std::move(expected);
    } catch (const std::exception& error) {
      spdlog::error("session {}: nothing was imagined: {}", number_, error.what());
    }
  };
}

std::function<void()> SessionEntry::watch(const SessionEvent& event) {
  const std::lock_guard lock(mutex_);
  if (event.problem) {
    ++errors_;
    last_error_ = fmt::format("{}: {:.300}", event.problem->code, event.problem->sentence);
    return {};
  }
  if (!event.actions || !event.episode->looked()) return {};
  last_ = *event.notes;
  instruction_ = event.episode->instruction();
  if (last_.round == 0) ++episodes_[last_.beginning];
  if (infer_ms_.size() < kNewest) infer_ms_.push_back(0);
  infer_ms_[static_cast<size_t>(rounds_++) % kNewest] = last_.infer_ms;
  seen_last_ = event.request;
  return imagined_by(event.episode->robot());
}

nlohmann::json SessionEntry::status() const {
  const std::lock_guard lock(mutex_);
  std::vector<double> sorted = infer_ms_;
  std::ranges::sort(sorted);
  nlohmann::json status = {{"session", number_},
                           {"peer", peer_},
                           {"seconds", since_.seconds()},
                           {"instruction", instruction_},
                           {"episode", last_.episode},
                           {"round", last_.round},
                           {"began_by", text_of(last_.beginning)},
                           {"rounds", rounds_},
                           {"errors", errors_},
                           {"last_error", last_error_},
                           {"infer_ms", {{"p50", quantile(sorted, 0.5)}, {"p99", quantile(sorted, 0.99)}}},
                           {"queue_ms", last_.queue_ms},
                           {"imagined", was_expected_.has_value()}};
  if (seen_last_) status["cameras"] = cameras_;
  if (surprise_) status["surprise"] = *surprise_;
  return status;
}

std::string SessionEntry::summary() const {
  const std::lock_guard lock(mutex_);
  std::string episodes;
  for (const auto& [beginning, count] : episodes_) {
    episodes += fmt::format("{}{} begun by {}", episodes.empty() ? "" : ", ", count, text_of(beginning));
  }
  return fmt::format("{:.0f} s, {} rounds, {} ms each (median), {} errors; episodes: {}", since_.seconds(), rounds_,
                     std::round(median(infer_ms_) * 10) / 10, errors_, episodes.empty() ? "none" : episodes);
}

std::optional<Image> SessionEntry::picture(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  if (name == "canvas") return seen_;
  if (name == "imagined") return was_expected_;
  const std::vector<Image> none, &views = seen_last_ ? seen_last_->observation.views : none;
  for (size_t i = 0; i < views.size(); ++i) {
    if (name == "view-" + std::to_string(i)) return views[i];
  }
  return std::nullopt;
}

std::shared_ptr<SessionEntry> SessionBoard::add(int64_t number, const std::string& peer,
                                                const std::vector<std::string>& cameras) {
  const std::lock_guard lock(mutex_);
  return entries_[number] = std::make_shared<SessionEntry>(number, peer, cameras);
}

void SessionBoard::remove(int64_t number) {
  const std::lock_guard lock(mutex_);
  entries_.erase(number);
}

std::shared_ptr<SessionEntry> SessionBoard::find(int64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(number);
  return found == entries_.end() ? nullptr : found->second;
}

nlohmann::json SessionBoard::status() const {
  nlohmann::json sessions = nlohmann::json::array();
  const std::lock_guard lock(mutex_);
  for (const auto& [number, entry] : entries_) sessions.push_back(entry->status());
  return sessions;
}

}  // namespace physgen
