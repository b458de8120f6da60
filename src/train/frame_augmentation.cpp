#include <physgen/train/frame_augmentation.h>

#include <random>
#include <vector>

#include <torch/torch.h>

namespace physgen {
namespace {

at::Tensor moved_indices(int64_t size, int64_t by, at::Device device) {
  return (at::arange(size, at::TensorOptions(at::kLong).device(device)) - by).clamp_(0, size - 1);
}

/// One field of the changes, [B, 1, 1, 1, 1].
at::Tensor column(std::span<const FrameAugmentation> changes, double FrameAugmentation::*field,
                  const at::Tensor& like) {
  std::vector<double> values;
  for (const auto& change : changes) values.push_back(change.*field);
  return at::tensor(values, like.options()).view({-1, 1, 1, 1, 1});
}

void check_frames(const at::Tensor& frames, std::span<const FrameAugmentation> changes) {
  TORCH_CHECK_VALUE(frames.dim() == 5 && frames.size(0) == static_cast<int64_t>(changes.size()),
                    "[augment] frames are [B, T, C, H, W] with one change a clip, got ", frames.sizes(), " and ",
                    changes.size(), " changes");
}

}  // namespace

FrameAugmentation draw_augmentation(const FrameAugmentationConfig& config, uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto uniform = [&] { return static_cast<double>(engine() >> 11) * 0x1p-53; };  // [0, 1)
  const auto pixels = [&] {
    return static_cast<int64_t>(uniform() * static_cast<double>(2 * config.shift + 1)) - config.shift;
  };
  const auto around = [&](double centre, double reach) { return centre + reach * (2 * uniform() - 1); };
  FrameAugmentation change;
  change.down = pixels();
  change.right = pixels();
  change.brightness = around(0, config.brightness);
  change.contrast = around(1, config.contrast);
  change.saturation = around(1, config.saturation);
  return change;
}

at::Tensor shift_frames(const at::Tensor& frames, std::span<const FrameAugmentation> changes) {
  check_frames(frames, changes);
  std::vector<at::Tensor> clips;
  for (size_t i = 0; i < changes.size(); ++i) {
    at::Tensor clip = frames[static_cast<int64_t>(i)];  // [T, C, H, W]
    if (changes[i].down != 0) {
      clip = clip.index_select(-2, moved_indices(clip.size(-2), changes[i].down, clip.device()));
    }
    if (changes[i].right != 0) {
      clip = clip.index_select(-1, moved_indices(clip.size(-1), changes[i].right, clip.device()));
    }
    clips.push_back(clip);
  }
  return at::stack(clips);
}

at::Tensor change_colours(const at::Tensor& frames, std::span<const FrameAugmentation> changes) {
  check_frames(frames, changes);
  const at::Tensor grey = frames.mean(2, /*keepdim=*/true);  // [B, T, 1, H, W]
  const at::Tensor coloured = grey + (frames - grey) * column(changes, &FrameAugmentation::saturation, frames);
  return (coloured * column(changes, &FrameAugmentation::contrast, frames) +
          column(changes, &FrameAugmentation::brightness, frames))
      .clamp_(-1, 1);
}

at::Tensor augment(const at::Tensor& frames, std::span<const FrameAugmentation> changes) {
  return change_colours(shift_frames(frames, changes), changes);
}

}  // namespace physgen
