#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/stopwatch.h"
#include "serve/session.h"

namespace physgen {

/// What one session looks like from outside. Safe to use from several threads.
class SessionEntry {
 public:
  SessionEntry(int64_t number, std::string peer, std::vector<std::string> cameras)
      : number_(number), peer_(std::move(peer)), cameras_(std::move(cameras)) {}

  /// @return what is to be done once the reply is sent
  std::function<void()> watch(const SessionEvent& event);
  /// The next rounds are also imagined, for as long as somebody asks.
  void ask_to_imagine();

  nlohmann::json status() const;
  /// A line for the log.
  std::string summary() const;
  /// What a camera saw last, what the policy saw, or what it had expected to see: "view-0", "canvas", "imagined".
  std::optional<Image> picture(const std::string& name) const;

 private:
  std::function<void()> imagined_by(const RobotPolicy& robot);

  const int64_t number_;
  const std::string peer_;
  const std::vector<std::string> cameras_;
  const Stopwatch since_;
  mutable std::mutex mutex_;
  std::string instruction_;
  RoundNotes last_;
  int64_t rounds_ = 0, errors_ = 0;
  std::vector<double> infer_ms_;  // of the newest rounds, a ring
  std::shared_ptr<const Request> seen_last_;
  std::map<Beginning, int64_t> episodes_;  // by why they began
  std::string last_error_;
  std::optional<Stopwatch> asked_to_imagine_;
  std::optional<Image> expected_, seen_, was_expected_;
  std::optional<double> surprise_;  // mean difference of what came to what was expected, 0 to 1
};

/// The sessions that there are.
class SessionBoard {
 public:
  std::shared_ptr<SessionEntry> add(int64_t number, const std::string& peer, const std::vector<std::string>& cameras);
  void remove(int64_t number);
  std::shared_ptr<SessionEntry> find(int64_t number) const;
  nlohmann::json status() const;

 private:
  mutable std::mutex mutex_;
  std::map<int64_t, std::shared_ptr<SessionEntry>> entries_;
};

}  // namespace physgen
