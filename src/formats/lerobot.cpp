#include "formats/lerobot.h"

#include <physgen/core/error.h>

#ifdef PHYSGEN_HAS_ARROW
#include "formats/lerobot_folder.h"
#endif

namespace physgen {

void refuse_lerobot(const std::string& path) {
  throw ConfigError({"this build neither reads nor writes LeRobot data sets", path, "a build without Arrow",
                     "one with Arrow",
                     "run scripts/setup, which installs Arrow in .venv, and configure with -DPHYSGEN_ARROW=ON"});
}

#ifdef PHYSGEN_HAS_ARROW
std::unique_ptr<DemonstrationFile> open_lerobot(const std::string& path, const std::string& instruction) {
  return std::make_unique<LeRobotFolder>(path, instruction);
}
#else
std::unique_ptr<DemonstrationFile> open_lerobot(const std::string& path, const std::string&) { refuse_lerobot(path); }
#endif

}  // namespace physgen
