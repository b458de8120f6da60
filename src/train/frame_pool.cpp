#include "train/frame_pool.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "codec/pixels.h"
#include "data/frame_stream.h"

namespace physgen {
namespace {

void check_dataset(const DemonstrationDataset& dataset, const CanvasConfig& canvas) {
  if (dataset.size() < 2) {
    throw ConfigError({.what = "a VAE needs at least two demonstrations: one is held out",
                       .where = "--data",
                       .got = std::to_string(dataset.size()),
                       .next_step = "name more demonstrations"});
  }
  for (const std::string& camera : canvas.cameras) dataset.camera(camera);
}

}  // namespace

FramePool read_frames(const DemonstrationDataset& dataset, const CanvasConfig& canvas, double held_out, int64_t most) {
  check_dataset(dataset, canvas);
  int64_t total = 0;
  for (int64_t episode = 0; episode < dataset.size(); ++episode) total += dataset.info(episode).control_steps + 1;
  const int64_t interval = std::max<int64_t>(1, (total + most - 1) / most);
  const int64_t every = std::clamp<int64_t>(std::llround(1 / held_out), 2, dataset.size());
  std::vector<EpisodeFrames> wanted;
  int64_t place = 0;
  for (auto& [episode, frames] : all_frames(dataset)) {
    std::erase_if(frames, [&](int64_t) { return place++ % interval != 0; });
    wanted.push_back({episode, frames});
  }
  FrameStream<Image> stream(dataset, canvas.cameras, wanted, [](Image image) { return image; });
  std::vector<at::Tensor> training, rest;
  for (const auto& [episode, frames] : wanted) {
    std::vector<at::Tensor>& kept = episode % every == every - 1 ? rest : training;
    for (size_t i = 0; i < frames.size(); ++i) kept.push_back(view_of(compose_canvas(stream.next(), canvas)).clone());
  }
  return {at::stack(training), at::stack(rest)};
}

}  // namespace physgen
