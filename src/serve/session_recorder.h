#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>

#include "physgen/wire/policy_description.h"
#include "serve/recorded_session.h"
#include "serve/session.h"
#include "serve/work_queue.h"

namespace physgen {

/// Keeps what a session sees and does, and writes it as a LeRobot data set when it has ended, all in a thread of its
/// own.
class SessionRecorder : public std::enable_shared_from_this<SessionRecorder> {
 public:
  /// @param folder  which is there, and in which the data set's folder appears, whole or not at all
  /// @param thread  in which it works; must outlive it
  SessionRecorder(const PolicyDescription& policy, const std::filesystem::path& folder, const std::string& name,
                  double control_rate, WorkQueue& thread);

  /// Takes no longer than handing it on.
  void watch(const SessionEvent& event);
  /// When the session has ended.
  void finish();

 private:
  struct Step {
    std::shared_ptr<const Request> request;
    Matrix executed;  // since the step before; empty: an episode begins
    std::string instruction;
    bool begins = false, each_step = false;
  };

  void add(const Step& step);
  void end_episode(bool success);
  void write();
  template <class Work>
  void later(Work work);
  bool same_sizes(const Observation& observation);

  PolicyDescription policy_;
  std::filesystem::path folder_;
  std::string name_;
  double control_rate_;
  WorkQueue& thread_;
  std::atomic<int64_t> waiting_ = 0;
  std::atomic<bool> failed_ = false;
  // Of the thread:
  std::shared_ptr<PictureStore> pictures_;
  std::vector<RecordedEpisode> episodes_;
  std::vector<std::pair<int64_t, int64_t>> sizes_;
};

}  // namespace physgen
