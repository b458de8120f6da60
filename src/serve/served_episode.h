#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "physgen/serve/policy_server.h"
#include "serve/request.h"

namespace physgen {

/// What a session remembers of its episode: what was predicted, how much of it was executed, and what ends it. Used by
/// one thread at a time.
class ServedEpisode {
 public:
  struct Options {
    double idle_seconds = 0;
    uint64_t seed = 0;            ///< of the first episode; then upward
    bool asks_each_step = false;  ///< a client gets one action of a chunk at a time
  };

  ServedEpisode(ServedPolicy policy, const Options& options);

  /// The next observation begins an episode.
  void begin(Beginning beginning) { ended_by_ = beginning; }

  /// The rows to execute now, [execute, A], or one where the client asks each step. Throws ClientError for executed
  /// rows that do not fit, and where the policy fails or computes what is not finite.
  /// @param seconds  of a clock, when the observation came
  Matrix act(const Request& request, double seconds, RoundNotes& notes);

  /// Whether the last `act` asked the policy: not where a row of an earlier chunk was left.
  bool looked() const { return looked_; }
  bool asks_each_step() const { return options_.asks_each_step; }
  /// The rows executed between the last two observations; empty at the first of an episode.
  const Matrix& executed() const { return executed_; }
  const std::string& instruction() const { return instruction_; }
  const RobotPolicy& robot() const { return robot_; }

 private:
  std::optional<Beginning> beginning_of(const Request& request, double seconds) const;
  void start(const Request& request, Beginning beginning);
  Matrix executed_of(const Request& request) const;
  Matrix compute(const Request& request, RoundNotes& notes);
  template <class Work>
  auto guarded(const Work& work);

  PolicyDescription policy_;
  Options options_;
  RobotPolicy robot_;
  std::optional<Beginning> ended_by_ = Beginning::first;
  Beginning beginning_ = Beginning::first;
  std::string instruction_;
  std::optional<double> last_seconds_;  // when the last observation was answered
  int64_t episode_ = -1, round_ = 0;
  Matrix chunk_;  // [execute, A] of the last round
  Matrix executed_;
  int64_t given_ = 0;  // rows of it that a client which asks each step has got
  bool looked_ = false;
};

}  // namespace physgen
