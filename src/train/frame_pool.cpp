#include <physgen/train/frame_pool.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/torch.h>

#include <physgen/codec/pixels.h>
#include <physgen/core/error.h>
#include <physgen/train/demonstrations.h>

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
  std::vector<at::Tensor> training, rest;
  int64_t place = 0;
  for (int64_t episode = 0; episode < dataset.size(); ++episode) {
    std::vector<at::Tensor>& frames = episode % every == every - 1 ? rest : training;
    for (int64_t index = 0; index <= dataset.info(episode).control_steps; ++index, ++place) {
      if (place % interval != 0) continue;
      frames.push_back(view_of(read_canvas(dataset, canvas, episode, index)).clone());
    }
  }
  return {at::stack(training), at::stack(rest)};
}

}  // namespace physgen
