#include <physgen/codec/canvas.h>

#include <physgen/core/error.h>
#include <physgen/media/resize.h>

namespace physgen {

Image compose_canvas(const std::vector<Image>& views, const CanvasConfig& config) {
  if (views.size() != config.cameras.size() || views.empty()) {
    throw Error({.what = "the pictures are not those of the policy's cameras",
                 .where = "canvas",
                 .got = std::to_string(views.size()) + " pictures",
                 .expected = std::to_string(config.cameras.size()) + ", one a camera",
                 .next_step = "give them in the order of the checkpoint's canvas.cameras"});
  }
  const auto count = static_cast<int64_t>(views.size());
  std::vector<Image> shares;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t left = config.width * i / count, right = config.width * (i + 1) / count;
    shares.push_back(resize(views[i], config.height, right - left));
  }
  return count == 1 ? shares.front() : side_by_side(shares);
}

}  // namespace physgen
