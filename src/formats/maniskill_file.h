#pragma once

#include "formats/hdf5_demonstrations.h"

namespace physgen {

/// One pair of X.h5 and X.json in ManiSkill's layout.
class ManiSkillFile : public Hdf5Demonstrations {
 public:
  /// Checks that both files list the same episodes, at least one. Throws FormatError.
  ManiSkillFile(std::shared_ptr<const Hdf5File> file, const std::string& instruction);

  EpisodeShape inspect(int64_t episode) const override;
  Episode read(int64_t episode) const override;
  std::optional<Eigen::Isometry3d> read_hand(int64_t episode) const override;
  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const override;

 private:
  void check_episodes(const std::string& json_path, const std::vector<int64_t>& listed) const;
  int64_t inspect_actions(int64_t episode) const;
  int64_t inspect_states(int64_t episode) const;
};

}  // namespace physgen
