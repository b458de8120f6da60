#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/media/image.h>

namespace physgen {

/// Pictures in rows of `columns` under a title, each with its caption (or none) below. The title's first line is bold,
/// the lines after it are grey and wrapped. Small pictures are enlarged and large ones reduced to be seen side by side.
/// Needs a font on the machine (Debian's fonts-dejavu-core). Throws ConfigError without pictures or columns.
Image draw_contact_sheet(const std::string& title, const std::vector<Image>& frames,
                         const std::vector<std::string>& captions, int64_t columns);

/// One small line plot a column of `actions` [T, A] over the control steps, each with its own range, which is written
/// at its axis.
/// @param names   one a column
/// @param cursor  a control step to mark
/// Throws ConfigError for names that do not fit the columns and for a size too small to hold the plots.
Image draw_action_plot(const Matrix& actions, const std::vector<std::string>& names, int64_t width, int64_t height,
                       std::optional<int64_t> cursor = {});

}  // namespace physgen
