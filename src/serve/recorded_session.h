#pragma once

#include <memory>
#include <string>
#include <vector>

#include "formats/demonstration_file.h"
#include "physgen/wire/policy_description.h"
#include "serve/picture_store.h"

namespace physgen {

/// What was seen at one moment.
struct RecordedLook {
  std::vector<size_t> pictures;  ///< in the store, one a camera
  std::vector<float> state;
};

/// Looks, and the actions that were executed between each two of them: `look_every` rows.
struct RecordedEpisode {
  std::string instruction;
  int64_t look_every = 1;
  bool success = true;
  std::vector<RecordedLook> looks = {};
  std::vector<Matrix> actions = {};  ///< one fewer than looks
};

/// The episodes of a session as demonstrations, from which a LeRobot data set is written. A row a control step; the
/// pictures and states between looks are those of the last one.
class RecordedSession : public DemonstrationFile {
 public:
  /// @param episodes  of two looks or more, with pictures of the same sizes
  RecordedSession(std::vector<RecordedEpisode> episodes, std::shared_ptr<const PictureStore> pictures,
                  const PolicyDescription& policy, double control_rate);

  EpisodeShape inspect(int64_t episode) const override;
  Episode read(int64_t episode) const override;
  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const override;

 private:
  const RecordedEpisode& at(int64_t episode) const { return recorded_[static_cast<size_t>(episode)]; }

  std::vector<RecordedEpisode> recorded_;
  std::shared_ptr<const PictureStore> pictures_;
  PolicyDescription policy_;
  EpisodeShape shape_;
};

}  // namespace physgen
