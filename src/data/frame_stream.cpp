#include "data/frame_stream.h"

#include <numeric>

namespace physgen {

std::vector<EpisodeFrames> all_frames(const DemonstrationDataset& dataset) {
  std::vector<EpisodeFrames> all;
  for (int64_t episode = 0; episode < dataset.size(); ++episode) {
    std::vector<int64_t> frames(static_cast<size_t>(dataset.info(episode).control_steps + 1));
    std::iota(frames.begin(), frames.end(), 0);
    all.push_back({episode, std::move(frames)});
  }
  return all;
}

}  // namespace physgen
