#pragma once

#include "formats/hdf5_demonstrations.h"

namespace physgen {

/// One file of LIBERO's: <task>_demo.hdf5 with groups data/demo_*, as published (`data` has attributes, and what is
/// recorded beside an action was seen after it) or as OpenVLA regenerates it (`data` has none, and it was seen before).
/// Frame and action pair alike from both: the first action of a published episode, before which nothing was recorded,
/// and the last of a regenerated one, after which nothing was, are left out.
/// Source: LIBERO scripts/create_dataset.py, openvla experiments/robot/libero/regenerate_libero_dataset.py.
class LiberoFile : public Hdf5Demonstrations {
 public:
  /// Throws FormatError for a file without episodes, and for an episode of fewer than two rows.
  LiberoFile(std::shared_ptr<const Hdf5File> file, const std::string& instruction);

  EpisodeShape inspect(int64_t episode) const override;
  /// States are the hand's position, its rotation as axis times angle, and both fingers. Throws FormatError for actions
  /// beyond [-1, 1].
  Episode read(int64_t episode) const override;
  /// Pictures are turned by 180 degrees, as every policy of the field sees LIBERO: the files hold the rows from the
  /// bottom up.
  std::unique_ptr<FrameReader> open_frames(int64_t episode, const std::string& camera) const override;

 private:
  bool seen_after_ = false;
};

/// What LIBERO asks a policy to do: a task's name without its scene, with spaces.
std::string libero_instruction(const std::string& task);

}  // namespace physgen
