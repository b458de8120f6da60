#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <physgen/core/config.h>
#include <physgen/media/image.h>

namespace physgen {

/// How the cameras' pictures become the one that the VAE sees: cropped, and side by side, each resized to its
/// share of the width.
/// One camera fills the canvas; of two, the scene camera is the left half and the wrist camera the right.
struct CanvasConfig {
  std::vector<std::string> cameras = {"render_camera"};  ///< names, from left to right; `--camera` says the same
  int64_t height = 480;                                  ///< pixels, a whole number of latents
  int64_t width = 768;                                   ///< pixels, of all cameras together, likewise
  /// The part of each picture that is used, as shares of its height and width: top, left, bottom, right.
  std::array<double, 4> crop = {0, 0, 1, 1};
};

template <class Field>
void describe(CanvasConfig& config, Field& field) {
  field("cameras", config.cameras);
  field("height", config.height, {.least = 8, .most = 8192});
  field("width", config.width, {.least = 8, .most = 8192});
  field("crop", config.crop, {.least = 0, .most = 1});
}

/// Throws ConfigError for a crop that leaves nothing. @param where  the config's name, for errors
void check(const CanvasConfig& config, const std::string& where);

/// One picture of all views. Throws Error when their number is not that of the cameras, and as `require_whole` does.
Image compose_canvas(const std::vector<Image>& views, const CanvasConfig& config);

}  // namespace physgen
