#include "train/imagined_frames.h"

#include <algorithm>
#include <exception>
#include <vector>

#include <torch/torch.h>

#include <physgen/backbone/frame_generator.h>
#include <physgen/policy/losses.h>

#include "codec/pixels.h"
#include "core/random.h"
#include "device/autocast_scope.h"
#include "media/resize.h"

namespace physgen {
namespace {

constexpr int64_t kWindows = 4;
constexpr int64_t kGap = 2;  // pixels between frames

// Of each window.
struct NextFrames {
  std::vector<at::Tensor> seen, came;  // latents [C, h, w]
  std::vector<at::Tensor> conditions;  // of what came [M, C]
};

void add(PhysGenModel& model, const WindowBatch& window, NextFrames& frames) {
  const int64_t next = window.frame_valid.sum().item<int64_t>() - 1;
  if (next < 1) return;
  frames.seen.push_back(window.latents[0][next - 1]);
  frames.came.push_back(window.latents[0][next]);
  frames.conditions.push_back(conditions_of(model, window).frames[0][next - 1]);
}

NextFrames next_frames(PhysGenModel& model, const WindowSource& windows, at::Device device) {
  NextFrames frames;
  const int64_t count = std::min(kWindows, windows.size());
  for (int64_t i = 0; i < count; ++i) add(model, moved(windows.batch(i * windows.size() / count, 1), device), frames);
  return frames;
}

ImaginedFrames imagine(PhysGenModel& model, const NextFrames& frames, uint64_t seed) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(mixed_seed(seed, Stream::imagination));
  const at::Tensor imagined = FrameGenerator(model->nova, {}, generator).draw(at::stack(frames.conditions));
  return {at::stack(frames.seen).cpu(), imagined.to(at::kFloat).cpu(), at::stack(frames.came).cpu()};
}

Image drawn(CausalVae vae, const at::Tensor& latents) {
  return side_by_side(to_images(values_to_pixels(vae->decode(vae->denormalize(latents)))), kGap);
}

}  // namespace

std::optional<ImaginedFrames> imagine_held_out(PhysGenModel model, const WindowSource& held_out, const Compute& compute,
                                               uint64_t seed) try {
  const at::NoGradGuard no_gradient;
  const AutocastScope autocast(compute.device, compute.dtype);
  const NextFrames frames = next_frames(model, held_out, compute.device);
  if (frames.seen.empty()) return {};
  return imagine(model, frames, seed);
} catch (const std::exception& error) {
  TORCH_WARN("the frames that the policy imagines could not be drawn: ", error.what());
  return {};
}

Image picture_of(const ImaginedFrames& frames, const CausalVae& vae) {
  const at::NoGradGuard no_gradient;
  return stack_vertically({drawn(vae, frames.seen), drawn(vae, frames.imagined), drawn(vae, frames.came)}, kGap);
}

}  // namespace physgen
