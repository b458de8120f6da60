#include "media/drawing.h"

#include <cmath>
#include <numbers>
#include <sstream>

#include <physgen/core/error.h>

namespace physgen {
namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;

Surface make_surface(int64_t height, int64_t width) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height)),
                  cairo_surface_destroy);
  if (const cairo_status_t status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS) {
    throw Error({"a drawing cannot be made", "cairo", cairo_status_to_string(status),
                 "a size of at most 32767 pixels a side", "draw fewer or smaller pictures"});
  }
  return surface;
}

/// Cairo keeps a pixel in 4 bytes, as one number 0xffRRGGBB.
Surface to_surface(const Image& image) {
  Surface surface = make_surface(image.height, image.width);
  uint8_t* rows = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int64_t y = 0; y < image.height; ++y) {
    auto* row = reinterpret_cast<uint32_t*>(rows + y * stride);
    const uint8_t* rgb = image.pixels.data() + y * image.width * 3;
    for (int64_t x = 0; x < image.width; ++x, rgb += 3) row[x] = 0xff000000u | rgb[0] << 16 | rgb[1] << 8 | rgb[2];
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

}  // namespace

Drawing::Drawing(int64_t height, int64_t width)
    : surface_(make_surface(height, width)), cairo_(cairo_create(surface_.get()), cairo_destroy) {
  set(Colour::white);
  cairo_paint(cairo_.get());
}

void Drawing::set(Colour colour) {
  const auto rgb = static_cast<uint32_t>(colour);
  const auto part = [&](int shift) { return static_cast<double>(rgb >> shift & 0xff) / 255; };
  cairo_set_source_rgb(cairo_.get(), part(16), part(8), part(0));
}

void Drawing::set(Font font) {
  cairo_select_font_face(cairo_.get(), "sans", CAIRO_FONT_SLANT_NORMAL,
                         font.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo_.get(), font.size);
}

double Drawing::width_of(const std::string& text, Font font) {
  set(font);
  cairo_text_extents_t extents;
  cairo_text_extents(cairo_.get(), text.c_str(), &extents);
  return extents.x_advance;
}

void Drawing::text(const std::string& text, Point at, Font font, Colour colour, Align align) {
  const double width = width_of(text, font);
  const double shift = align == Align::left ? 0 : align == Align::centre ? width / 2 : width;
  set(colour);
  cairo_move_to(cairo_.get(), std::round(at.x - shift), std::round(at.y));
  cairo_show_text(cairo_.get(), text.c_str());
}

std::vector<std::string> Drawing::wrap(const std::string& text, Font font, double width) {
  std::vector<std::string> lines;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.empty() && width_of(lines.back() + " " + word, font) <= width) {
      lines.back() += " " + word;
    } else {
      lines.push_back(word);
    }
  }
  return lines;
}

void Drawing::outline(const Box& box, double radius) {
  constexpr double kRight = std::numbers::pi / 2;
  cairo_new_sub_path(cairo_.get());
  cairo_arc(cairo_.get(), box.right() - radius, box.top + radius, radius, -kRight, 0);
  cairo_arc(cairo_.get(), box.right() - radius, box.bottom() - radius, radius, 0, kRight);
  cairo_arc(cairo_.get(), box.left + radius, box.bottom() - radius, radius, kRight, 2 * kRight);
  cairo_arc(cairo_.get(), box.left + radius, box.top + radius, radius, 2 * kRight, 3 * kRight);
  cairo_close_path(cairo_.get());
}

void Drawing::fill(const Box& box, double radius, Colour colour) {
  outline(box, radius);
  set(colour);
  cairo_fill(cairo_.get());
}

void Drawing::polyline(const std::vector<Point>& points, double thickness, Colour colour) {
  cairo_new_path(cairo_.get());  // a text before leaves its end as the current point
  for (const Point& point : points) cairo_line_to(cairo_.get(), point.x, point.y);
  set(colour);
  cairo_set_line_width(cairo_.get(), thickness);
  cairo_set_line_join(cairo_.get(), CAIRO_LINE_JOIN_ROUND);
  cairo_stroke(cairo_.get());
}

void Drawing::dot(Point centre, double radius, Colour colour) {
  cairo_new_path(cairo_.get());
  cairo_arc(cairo_.get(), centre.x, centre.y, radius, 0, 2 * std::numbers::pi);
  set(colour);
  cairo_fill(cairo_.get());
}

void Drawing::picture(const Image& image, Point top_left, double radius) {
  const Surface surface = to_surface(image);
  outline({top_left.x, top_left.y, static_cast<double>(image.width), static_cast<double>(image.height)}, radius);
  cairo_set_source_surface(cairo_.get(), surface.get(), top_left.x, top_left.y);
  cairo_fill(cairo_.get());
}

Image Drawing::image() const {
  cairo_surface_flush(surface_.get());
  const uint8_t* rows = cairo_image_surface_get_data(surface_.get());
  const int stride = cairo_image_surface_get_stride(surface_.get());
  Image image{cairo_image_surface_get_height(surface_.get()), cairo_image_surface_get_width(surface_.get()), {}};
  image.pixels.reserve(static_cast<size_t>(image.height * image.width * 3));
  for (int64_t y = 0; y < image.height; ++y) {
    const auto* row = reinterpret_cast<const uint32_t*>(rows + y * stride);
    for (int64_t x = 0; x < image.width; ++x) {
      for (const int shift : {16, 8, 0}) image.pixels.push_back(static_cast<uint8_t>(row[x] >> shift));
    }
  }
  return image;
}

}  // namespace physgen
