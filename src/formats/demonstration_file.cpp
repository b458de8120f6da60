#include "formats/demonstration_file.h"

#include <cmath>

#include <physgen/core/error.h>

#include "formats/lerobot.h"
#include "formats/libero_file.h"
#include "formats/maniskill_file.h"

namespace physgen {
namespace {

constexpr float kRounding = 1e-5F;

std::string place(const std::string& where, int64_t row, int64_t column) {
  return where + ", row " + std::to_string(row) + ", column " + std::to_string(column);
}

}  // namespace

void check_finite(const Matrix& values, const std::string& where, const std::string& episode) {
  if (values.allFinite()) return;
  for (int64_t row = 0; row < values.rows(); ++row) {
    for (int64_t column = 0; column < values.cols(); ++column) {
      if (std::isfinite(values(row, column))) continue;
      throw FormatError({"a recorded number is not finite", place(where + ", episode " + episode, row, column),
                         std::isnan(values(row, column)) ? "NaN" : "infinity", "finite float32",
                         "remove this episode, or record it again"});
    }
  }
}

void check_osc_range(const Matrix& actions, const std::string& where) {
  Eigen::Index row = 0, column = 0;
  const float greatest = actions.cwiseAbs().maxCoeff(&row, &column);
  if (greatest <= 1 + kRounding) return;
  throw FormatError(
      {"a recorded action is out of range", place(where, row, column), std::to_string(actions(row, column)),
       "-1 to 1, as LIBERO's controller takes it",
       "remove this episode, or scale its actions; where a LeRobot data set is not LIBERO's, say so in its "
       "meta/info.json: \"physgen\": {\"control_mode\": \"lerobot\"}"});
}

std::vector<LeftOut> missing_numbers(const std::vector<int64_t>& numbers, const std::string& where,
                                     const std::string& name) {
  constexpr int64_t kMostRanges = 5;
  int64_t next = 0, missing = 0, ranges = 0;
  std::string text;
  for (const int64_t number : numbers) {
    if (number > next && ++ranges <= kMostRanges) {
      text += (text.empty() ? "" : ", ") + std::to_string(next);
      if (number - 1 > next) text += " to " + std::to_string(number - 1);
    }
    missing += number - next;
    next = number + 1;
  }
  if (missing == 0) return {};
  if (ranges > kMostRanges) text += " and more";
  return {{where, std::to_string(missing) + " of the numbers of " + name + " are not there: " + text}};
}

void check_frame(int64_t index, int64_t frames, const std::string& where) {
  if (index >= 0 && index < frames) return;
  throw FormatError({"an episode has no such frame", where, "frame " + std::to_string(index),
                     "0 to " + std::to_string(frames - 1), "ask for a frame of the episode"});
}

bool is_lerobot_folder(const std::filesystem::path& path) {
  std::error_code unreachable;
  return std::filesystem::exists(path / "meta/info.json", unreachable);
}

std::unique_ptr<DemonstrationFile> open_demonstration_file(const std::string& path, const std::string& instruction) {
  if (is_lerobot_folder(path)) return open_lerobot(path, instruction);
  std::shared_ptr<const Hdf5File> file = Hdf5File::open(path);
  if (file->exists("data")) return std::make_unique<LiberoFile>(std::move(file), instruction);
  return std::make_unique<ManiSkillFile>(std::move(file), instruction);
}

}  // namespace physgen
