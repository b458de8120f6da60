#pragma once

#include <cairo.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <physgen/media/image.h>

namespace physgen {

/// A colour as 0xRRGGBB.
enum class Colour : uint32_t {
  white = 0xffffff,
  panel = 0xf6f8fa,
  line = 0xd8dee4,
  grey = 0x656d76,
  ink = 0x1f2328,
  red = 0xcf222e,
};

/// A place, in pixels from the top left.
struct Point {
  double x = 0;
  double y = 0;
};

/// A rectangle, in pixels from the top left.
struct Box {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;

  double right() const { return left + width; }
  double bottom() const { return top + height; }
};

/// A typeface size and weight.
struct Font {
  double size = 13;
  bool bold = false;
};

/// How much of a text's width lies left of the point at which it is written.
enum class Align { left, centre, right };

/// A white sheet to draw on with cairo.
class Drawing {
 public:
  Drawing(int64_t height, int64_t width);

  /// `at` is on the baseline.
  void text(const std::string& text, Point at, Font font, Colour colour, Align align = Align::left);
  /// Lines that are at most `width` wide, broken between words.
  std::vector<std::string> wrap(const std::string& text, Font font, double width);
  void fill(const Box& box, double radius, Colour colour);
  void polyline(const std::vector<Point>& points, double thickness, Colour colour);
  void dot(Point centre, double radius, Colour colour);
  /// The picture at its own size, with rounded corners.
  void picture(const Image& image, Point top_left, double radius);
  Image image() const;

 private:
  void set(Colour colour);
  void set(Font font);
  void outline(const Box& box, double radius);
  double width_of(const std::string& text, Font font);

  std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)> surface_;
  std::unique_ptr<cairo_t, decltype(&cairo_destroy)> cairo_;
};

}  // namespace physgen
