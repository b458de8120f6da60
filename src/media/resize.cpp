#include "media/resize.h"

#include <algorithm>
#include <cmath>
#include <string>

#include <physgen/core/error.h>

namespace physgen {
namespace {

constexpr int64_t kChannels = 3;

/// The input pixels that make one output pixel, and how much of each.
struct Taps {
  int64_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> triangle_filter(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(scale, 1.0);
  std::vector<Taps> filter(static_cast<size_t>(to));
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    // NOLINTBEGIN(bugprone-incorrect-roundings): as Pillow rounds
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const auto end = std::min<int64_t>(from, static_cast<int64_t>(centre + support + 0.5));
    // NOLINTEND(bugprone-incorrect-roundings)
    Taps& taps = filter[static_cast<size_t>(i)];
    taps.first = first;
    double sum = 0;
    for (int64_t k = first; k < end; ++k) {
      const double distance = std::abs(static_cast<double>(k) + 0.5 - centre) / support;
      taps.weights.push_back(static_cast<float>(std::max(0.0, 1.0 - distance)));
      sum += taps.weights.back();
    }
    for (float& weight : taps.weights) weight /= static_cast<float>(sum);
  }
  return filter;
}

/// Filters along one axis: `count` lines of it, whose elements lie `stride` apart and which start at `start(line)`.
template <class Input, class Start, class Store>
void filter_axis(const std::vector<Taps>& filter, const std::vector<Input>& input, int64_t count, int64_t stride,
                 const Start& start, const Store& store) {
  for (int64_t line = 0; line < count; ++line) {
    const Input* values = input.data() + start(line);
    for (size_t i = 0; i < filter.size(); ++i) {
      float sum = 0;
      for (size_t k = 0; k < filter[i].weights.size(); ++k) {
        sum += filter[i].weights[k] * static_cast<float>(values[(filter[i].first + static_cast<int64_t>(k)) * stride]);
      }
      store(line, static_cast<int64_t>(i), sum);
    }
  }
}

/// Copies `image` into `canvas` at (top, left).
void paste(const Image& image, int64_t top, int64_t left, Image& canvas) {
  for (int64_t y = 0; y < image.height; ++y) {
    const auto* row = image.pixels.data() + y * image.width * kChannels;
    std::copy_n(row, image.width * kChannels, canvas.pixels.data() + ((top + y) * canvas.width + left) * kChannels);
  }
}

Image white(int64_t height, int64_t width) {
  return {height, width, std::vector<uint8_t>(static_cast<size_t>(height * width * kChannels), 255)};
}

}  // namespace

Image resize(const Image& image, int64_t height, int64_t width) {
  if (std::min({height, width, image.height, image.width}) < 1) {
    throw ConfigError({"a picture cannot be resized", "resize",
                       std::to_string(image.height) + " x " + std::to_string(image.width) + " to " +
                           std::to_string(height) + " x " + std::to_string(width),
                       "sizes of at least 1", "correct the size"});
  }
  if (height == image.height && width == image.width) return image;
  std::vector<float> wide(static_cast<size_t>(image.height * width * kChannels));
  filter_axis(
      triangle_filter(image.width, width), image.pixels, image.height * kChannels, kChannels,
      [&](int64_t line) { return line / kChannels * image.width * kChannels + line % kChannels; },
      [&](int64_t line, int64_t i, float value) {
        wide[static_cast<size_t>((line / kChannels * width + i) * kChannels + line % kChannels)] = value;
      });
  Image result{height, width, std::vector<uint8_t>(static_cast<size_t>(height * width * kChannels))};
  filter_axis(
      triangle_filter(image.height, height), wide, width * kChannels, width * kChannels,
      [](int64_t line) { return line; },
      [&](int64_t line, int64_t i, float value) {
        result.pixels[static_cast<size_t>(i * width * kChannels + line)] =
            static_cast<uint8_t>(std::clamp(std::lround(value), 0l, 255l));
      });
  return result;
}

Image crop(const Image& image, int64_t top, int64_t left, int64_t height, int64_t width) {
  if (std::min(height, width) < 1 || std::min(top, left) < 0 || top + height > image.height ||
      left + width > image.width) {
    throw ConfigError({"a part of a picture is not inside it", "crop",
                       std::to_string(height) + " x " + std::to_string(width) + " at (" + std::to_string(top) + ", " +
                           std::to_string(left) + ")",
                       "a part of " + std::to_string(image.height) + " x " + std::to_string(image.width),
                       "correct canvas.crop"});
  }
  if (height == image.height && width == image.width) return image;
  Image part{height, width, {}};
  for (int64_t y = top; y < top + height; ++y) {
    const auto row = image.pixels.begin() + (y * image.width + left) * kChannels;
    part.pixels.insert(part.pixels.end(), row, row + width * kChannels);
  }
  return part;
}

Image turned_around(const Image& image) {
  Image turned{image.height, image.width, std::vector<uint8_t>(image.pixels.size())};
  for (size_t at = 0; at < image.pixels.size(); at += kChannels) {
    std::copy_n(image.pixels.end() - static_cast<std::ptrdiff_t>(at + kChannels), kChannels,
                turned.pixels.begin() + at);
  }
  return turned;
}

Image side_by_side(const std::vector<Image>& images, int64_t gap) {
  int64_t height = 0;
  int64_t width = 0;
  for (const Image& image : images) {
    height = std::max(height, image.height);
    width += image.width + (width > 0 ? gap : 0);
  }
  Image canvas = white(height, width);
  int64_t left = 0;
  for (const Image& image : images) {
    paste(image, 0, left, canvas);
    left += image.width + gap;
  }
  return canvas;
}

Image stack_vertically(const std::vector<Image>& images, int64_t gap) {
  int64_t height = 0;
  int64_t width = 0;
  for (const Image& image : images) {
    width = std::max(width, image.width);
    height += image.height + (height > 0 ? gap : 0);
  }
  Image canvas = white(height, width);
  int64_t top = 0;
  for (const Image& image : images) {
    paste(image, top, 0, canvas);
    top += image.height + gap;
  }
  return canvas;
}

}  // namespace physgen
