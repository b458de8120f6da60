#include "codec/pixels.h"

#include <torch/torch.h>

namespace physgen {
namespace {

constexpr double kHalfRange = 127.5;

}  // namespace

at::Tensor pixels_to_values(const at::Tensor& frames) {
  return frames.permute({0, 3, 1, 2}).to(at::kFloat).sub(kHalfRange).div(kHalfRange);
}

at::Tensor values_to_pixels(const at::Tensor& values) {
  return values.to(at::kFloat).clamp(-1, 1).mul(kHalfRange).add(kHalfRange).round().to(at::kByte).permute({0, 2, 3, 1});
}

at::Tensor view_of(const Image& image) {
  auto* pixels = const_cast<uint8_t*>(image.pixels.data());  // from_blob takes no const
  return at::from_blob(pixels, {image.height, image.width, 3}, at::kByte);
}

std::vector<Image> to_images(const at::Tensor& frames) {
  std::vector<Image> images;
  for (const at::Tensor& frame : frames.cpu().contiguous().unbind()) {
    const uint8_t* pixels = frame.const_data_ptr<uint8_t>();
    images.push_back({frame.size(0), frame.size(1), {pixels, pixels + frame.numel()}});
  }
  return images;
}

}  // namespace physgen
