#pragma once

#include <string>
#include <vector>

#include <physgen/formats/episode.h>

namespace physgen {

/// Files and folders of demonstrations.
struct FoundDemonstrations {
  std::vector<std::string> files;  ///< HDF5 files and LeRobot folders, sorted within a folder, each once
  std::vector<LeftOut> left_out;   ///< what looks like one of them: a backup, half a LeRobot folder, a link to nothing
};

/// The .h5 and .hdf5 files and the LeRobot folders among `paths`: named ones as they are, folders searched with all
/// that is in them, links followed. Throws ConfigError for a path that does not exist and a folder without any.
FoundDemonstrations find_demonstrations(const std::vector<std::string>& paths);

}  // namespace physgen
