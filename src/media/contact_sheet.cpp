#include "media/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sstream>

#include <physgen/core/error.h>

#include "media/drawing.h"
#include "media/resize.h"

namespace physgen {
namespace {

constexpr int64_t kMargin = 20;
constexpr int64_t kGap = 10;
constexpr int64_t kLeastTile = 160;
constexpr int64_t kMostTile = 320;
constexpr int64_t kCaption = 22;
constexpr double kCorner = 6;
constexpr Font kTitle{20, true};
constexpr Font kSubtitle{13};
constexpr Font kSmall{11};
constexpr Font kTiny{9.5};
constexpr double kTitleLine = 28;
constexpr double kSubtitleLine = 19;

std::vector<Image> scale_to_tiles(const std::vector<Image>& frames) {
  std::vector<Image> tiles;
  for (const Image& frame : frames) {
    const int64_t width = std::clamp(frame.width, kLeastTile, kMostTile);
    tiles.push_back(resize(frame, std::max<int64_t>(1, frame.height * width / frame.width), width));
  }
  return tiles;
}

struct Line {
  std::string text;
  Font font;
  Colour colour;
  double height;
};

std::vector<Line> title_lines(const std::string& title, double width) {
  Drawing ruler(1, 1);
  std::vector<Line> lines;
  std::istringstream parts(title);
  for (std::string part; std::getline(parts, part);) {
    const bool first = lines.empty();
    for (const std::string& text : ruler.wrap(part, first ? kTitle : kSubtitle, width)) {
      lines.push_back(first ? Line{text, kTitle, Colour::ink, kTitleLine}
                            : Line{text, kSubtitle, Colour::grey, kSubtitleLine});
    }
  }
  return lines;
}

struct Tile {
  Image picture;
  std::string caption;
  Point corner;
};

/// Where everything of a contact sheet goes.
struct Sheet {
  int64_t height = 0;
  int64_t width = 0;
  std::vector<Line> lines;
  std::vector<Tile> tiles;
};

Sheet lay_out(const std::string& title, const std::vector<Image>& pictures, const std::vector<std::string>& captions,
              int64_t columns) {
  int64_t tile_width = 0;
  int64_t tile_height = 0;
  for (const Image& picture : pictures) {
    tile_width = std::max(tile_width, picture.width);
    tile_height = std::max(tile_height, picture.height);
  }
  const auto count = static_cast<int64_t>(pictures.size());
  columns = std::min(columns, count);
  const int64_t row_height = tile_height + (captions.empty() ? kGap : kCaption + kGap / 2);
  Sheet sheet;
  sheet.width = 2 * kMargin + columns * (tile_width + kGap) - kGap;
  sheet.lines = title_lines(title, static_cast<double>(sheet.width - 2 * kMargin));
  double above = kMargin + (sheet.lines.empty() ? 0 : kGap);
  for (const Line& line : sheet.lines) above += line.height;
  const auto top = static_cast<int64_t>(above);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = i / columns, column = i % columns;
    const Point corner{static_cast<double>(kMargin + column * (tile_width + kGap)),
                       static_cast<double>(top + row * row_height)};
    const auto index = static_cast<size_t>(i);
    sheet.tiles.push_back({pictures[index], captions.empty() ? "" : captions[index], corner});
  }
  sheet.height = top + (count + columns - 1) / columns * row_height + kMargin / 2;
  return sheet;
}

/// Round numbers short, small ones with the digits that tell them apart.
std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), std::abs(value) >= 100 ? "%.0f" : "%.2f", value);
  const std::string zero = text;
  return zero == "-0.00" ? "0.00" : zero;
}

Colour line_colour(int64_t column) {
  constexpr uint32_t kColours[] = {0x0969da, 0x1a7f37, 0x8250df, 0xbc4c00, 0xbf3989, 0x1b7c83, 0x9a6700, 0x953800};
  return static_cast<Colour>(kColours[column % 8]);
}

/// The place of a control step and a value in one plot.
struct Axes {
  Box box;
  int64_t steps;
  double least;
  double most;
  std::vector<double> ticks;

  Point at(int64_t step, double value) const {
    const double along = steps > 1 ? static_cast<double>(step) / static_cast<double>(steps - 1) : 0.5;
    return {box.left + along * box.width, box.bottom() - (value - least) / (most - least) * box.height};
  }
};

Axes make_axes(const Box& panel, const Matrix& actions, int64_t column) {
  const auto values = actions.col(column).cast<double>();
  double least = values.minCoeff();
  double most = values.maxCoeff();
  std::vector<double> ticks = {most, least};
  if (most - least < 1e-6) {  // a constant is a line in the middle
    ticks.pop_back();
    least -= 0.5;
    most += 0.5;
  }
  const Box box{panel.left + 44, panel.top + 28, panel.width - 58, panel.height - 48};
  return {box, actions.rows(), least, most, ticks};
}

void draw_panel(Drawing& drawing, const Box& panel, const Matrix& actions, int64_t column, const std::string& name,
                std::optional<int64_t> cursor) {
  const Axes axes = make_axes(panel, actions, column);
  const Box& box = axes.box;
  drawing.fill(panel, kCorner, Colour::panel);
  drawing.text(name, {panel.left + 10, panel.top + 17}, {kSmall.size, true}, Colour::ink);
  for (const double value : axes.ticks) {
    const double y = std::round(axes.at(0, value).y) + 0.5;
    drawing.polyline({{box.left, y}, {box.right(), y}}, 1, Colour::line);
    drawing.text(number_text(value), {box.left - 5, y + 3.5}, kTiny, Colour::grey, Align::right);
  }
  drawing.text("0", {box.left, panel.bottom() - 6}, kTiny, Colour::grey);
  drawing.text(std::to_string(axes.steps - 1), {box.right(), panel.bottom() - 6}, kTiny, Colour::grey, Align::right);
  if (box.width > 120)
    drawing.text("control step", {box.left + box.width / 2, panel.bottom() - 6}, kTiny, Colour::grey, Align::centre);
  std::vector<Point> points;
  for (int64_t step = 0; step < axes.steps; ++step) points.push_back(axes.at(step, actions(step, column)));
  drawing.polyline(points, 1.8, line_colour(column));
  if (points.size() == 1) drawing.dot(points[0], 2.5, line_colour(column));
  if (cursor) {
    const Point here = axes.at(*cursor, actions(*cursor, column));
    drawing.polyline({{here.x, box.top - 3}, {here.x, box.bottom() + 3}}, 1.2, Colour::red);
    drawing.dot(here, 3.5, Colour::red);
  }
}

}  // namespace

Image draw_contact_sheet(const std::string& title, const std::vector<Image>& frames,
                         const std::vector<std::string>& captions, int64_t columns) {
  if (frames.empty() || columns < 1 || (!captions.empty() && captions.size() != frames.size())) {
    throw ConfigError({"a contact sheet cannot be drawn", title,
                       std::to_string(frames.size()) + " pictures, " + std::to_string(captions.size()) + " captions, " +
                           std::to_string(columns) + " columns",
                       "at least one picture and column, and a caption for each picture or for none", ""});
  }
  const Sheet sheet = lay_out(title, scale_to_tiles(frames), captions, columns);
  Drawing drawing(sheet.height, sheet.width);
  double y = kMargin;
  for (const Line& line : sheet.lines) {
    drawing.text(line.text, {static_cast<double>(kMargin), y + line.font.size}, line.font, line.colour);
    y += line.height;
  }
  for (const Tile& tile : sheet.tiles) {
    drawing.picture(tile.picture, tile.corner, kCorner);
    const Point below{tile.corner.x + static_cast<double>(tile.picture.width) / 2,
                      tile.corner.y + static_cast<double>(tile.picture.height) + 15};
    drawing.text(tile.caption, below, kSmall, Colour::grey, Align::centre);
  }
  return drawing.image();
}

Image draw_action_plot(const Matrix& actions, const std::vector<std::string>& names, int64_t width, int64_t height,
                       std::optional<int64_t> cursor) {
  const int64_t count = actions.cols();
  if (count < 1 || actions.rows() < 1 || static_cast<int64_t>(names.size()) != count ||
      (cursor && (*cursor < 0 || *cursor >= actions.rows()))) {
    throw ConfigError({"actions cannot be plotted", "draw_action_plot",
                       std::to_string(actions.rows()) + " x " + std::to_string(count) + " actions, " +
                           std::to_string(names.size()) + " names",
                       "at least one action, a name for each column, and a cursor within them", ""});
  }
  constexpr int64_t kUsualPanel = 220;
  int64_t columns = std::clamp<int64_t>((width - 2 * kMargin) / kUsualPanel, 1, count);
  const int64_t rows = (count + columns - 1) / columns;
  columns = (count + rows - 1) / rows;
  const int64_t panel_width = (width - 2 * kMargin + kGap) / columns - kGap;
  const int64_t panel_height = (height - kMargin * 3 / 2 + kGap) / rows - kGap;
  if (panel_width < 90 || panel_height < 70) {
    throw ConfigError(
        {"actions cannot be plotted", "draw_action_plot",
         std::to_string(width) + " x " + std::to_string(height) + " pixels for " + std::to_string(count) + " plots",
         "90 x 70 pixels a plot", "draw them larger"});
  }
  Drawing drawing(height, width);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = i / columns, column = i % columns, margin = kMargin / 2;
    const Box panel{static_cast<double>(kMargin + column * (panel_width + kGap)),
                    static_cast<double>(margin + row * (panel_height + kGap)), static_cast<double>(panel_width),
                    static_cast<double>(panel_height)};
    draw_panel(drawing, panel, actions, i, names[static_cast<size_t>(i)], cursor);
  }
  return drawing.image();
}

}  // namespace physgen
