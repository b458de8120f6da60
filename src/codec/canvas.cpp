#include <physgen/codec/canvas.h>

#include <cmath>

#include <nlohmann/json.hpp>

#include <physgen/core/error.h>

#include "media/resize.h"

namespace physgen {
namespace {

Image cropped(const Image& view, const std::array<double, 4>& edges) {
  const auto pixel = [](double share, int64_t size) { return std::llround(share * static_cast<double>(size)); };
  const int64_t top = pixel(edges[0], view.height), left = pixel(edges[1], view.width);
  return crop(view, top, left, pixel(edges[2], view.height) - top, pixel(edges[3], view.width) - left);
}

}  // namespace

void check(const CanvasConfig& config, const std::string& where) {
  const auto& [top, left, bottom, right] = config.crop;
  if (top < bottom && left < right) return;
  throw ConfigError({.what = "the crop is no part of a picture",
                     .where = where + ".crop",
                     .got = nlohmann::json(config.crop).dump(),
                     .expected = "top, left, bottom, right as shares, with top < bottom and left < right",
                     .next_step = "correct it; [0, 0, 1, 1] is the whole picture"});
}

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
    require_whole(views[i], config.cameras[i]);
    const int64_t left = config.width * i / count, right = config.width * (i + 1) / count;
    shares.push_back(resize(cropped(views[i], config.crop), config.height, right - left));
  }
  return count == 1 ? shares.front() : side_by_side(shares);
}

}  // namespace physgen
