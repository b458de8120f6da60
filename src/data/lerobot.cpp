#include <physgen/core/error.h>
#include <physgen/data/lerobot.h>

#include "formats/demonstration_file.h"
#ifdef PHYSGEN_HAS_ARROW
#include "data/lerobot_writer.h"
#include "formats/lerobot_folder.h"
#endif

namespace physgen {

#ifdef PHYSGEN_HAS_ARROW

std::unique_ptr<DemonstrationFile> open_lerobot(const std::string& path, const std::string& instruction) {
  return std::make_unique<LeRobotFolder>(path, instruction);
}

void write_lerobot(const DemonstrationDataset& dataset, const std::string& folder, const LeRobotOptions& options,
                   const std::function<void(int64_t episode)>& progress) {
  LeRobotWriter writer(dataset, folder, options);
  for (int64_t episode = 0; episode < dataset.size(); ++episode) {
    if (progress) progress(episode);
    writer.add(episode);
  }
  writer.close();
}

#else

namespace {

[[noreturn]] void refuse(const std::string& path) {
  throw ConfigError({"this build neither reads nor writes LeRobot data sets", path, "a build without Arrow",
                     "one with Arrow",
                     "run scripts/setup, which installs Arrow in .venv, and configure with -DPHYSGEN_ARROW=ON"});
}

}  // namespace

std::unique_ptr<DemonstrationFile> open_lerobot(const std::string& path, const std::string&) { refuse(path); }

void write_lerobot(const DemonstrationDataset&, const std::string& folder, const LeRobotOptions&,
                   const std::function<void(int64_t episode)>&) {
  refuse(folder);
}

#endif

}  // namespace physgen
