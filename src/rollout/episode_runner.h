#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "physgen/rollout/evaluation.h"

namespace physgen {

/// Runs one episode after the other with a policy and an environment of its own. One thread.
class EpisodeRunner {
 public:
  /// @param stopped  asked before every round
  EpisodeRunner(const EvaluationOptions& options, const MakeEnvironment& make_environment, RolloutPolicy policy,
                std::function<bool()> stopped);

  /// The episode's result, after as many retries as the simulator made necessary; nothing when it was stopped.
  std::optional<EpisodeRecord> run(int64_t episode, const PlannedEpisode& planned);

 private:
  void prepare_environment(bool record);
  std::optional<EpisodeRecord> attempt(int64_t episode, const PlannedEpisode& planned);
  Matrix next_actions(Perception& seen, const Matrix& executed, std::vector<double>& milliseconds);
  std::optional<Image> imagine() const;
  bool films(const PlannedEpisode& planned) const {
    return !options_.video.empty() && planned.number < options_.videos;
  }
  std::string write_film(const EpisodeRecord& record, const std::vector<Image>& film) const;

  EvaluationOptions options_;
  MakeEnvironment make_environment_;
  RolloutPolicy policy_;
  std::function<bool()> stopped_;
  std::unique_ptr<Environment> environment_;
  bool recording_ = false;
};

}  // namespace physgen
