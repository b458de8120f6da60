#include "data/lerobot.h"

#ifdef PHYSGEN_HAS_ARROW
#include "data/lerobot_writer.h"
#else
#include "formats/lerobot.h"
#endif

namespace physgen {

#ifdef PHYSGEN_HAS_ARROW

void require_lerobot(const std::string&) {}

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

void require_lerobot(const std::string& where) { refuse_lerobot(where); }

void write_lerobot(const DemonstrationDataset&, const std::string& folder, const LeRobotOptions&,
                   const std::function<void(int64_t episode)>&) {
  refuse_lerobot(folder);
}

#endif

}  // namespace physgen
