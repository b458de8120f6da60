#include "formats/hdf5_demonstrations.h"

#include <algorithm>
#include <iterator>

#include <physgen/core/error.h>

#include "core/whole_number.h"

namespace physgen {
namespace {

void check_rows(const Hdf5Dataset& dataset, const std::string& where, int64_t rows, const std::string& why) {
  if (dataset.shape()[0] == rows) return;
  throw FormatError({"an episode's arrays disagree in length", where, std::to_string(dataset.shape()[0]) + " rows",
                     std::to_string(rows) + " rows: " + why, "record or replay this episode again"});
}

void check_columns(const Hdf5Dataset& dataset, const std::string& where) {
  const int64_t columns = dataset.shape()[1];
  if (columns >= 1 && columns <= kMostColumns) return;
  throw FormatError({"an array of an episode has an impossible width", where, std::to_string(columns) + " columns",
                     "1 to " + std::to_string(kMostColumns), "record or replay this episode again"});
}

}  // namespace

int64_t Hdf5Demonstrations::inspect_table(const std::string& object, int64_t rows, const std::string& why) const {
  const Hdf5Dataset table = file_->open(object, Hdf5Numbers::floating, 2);
  check_rows(table, where(object), rows, why);
  check_columns(table, where(object));
  return table.shape()[1];
}

std::pair<int64_t, int64_t> Hdf5Demonstrations::inspect_frames(const std::string& object, int64_t rows,
                                                               const std::string& why) const {
  const Hdf5Dataset frames = file_->open(object, Hdf5Numbers::bytes, 4);
  check_rows(frames, where(object), rows, why);
  const int64_t height = frames.shape()[1], width = frames.shape()[2];
  if (frames.shape()[3] != 3 || std::min(height, width) < 1 || std::max(height, width) > kMostPixelsPerSide) {
    throw FormatError(
        {"frames are no RGB pictures", where(object),
         "[" + std::to_string(height) + ", " + std::to_string(width) + ", " + std::to_string(frames.shape()[3]) + "]",
         "[height, width, 3], at most " + std::to_string(kMostPixelsPerSide) + " pixels a side",
         "render the demonstrations again as uint8 RGB"});
  }
  return {height, width};
}

Matrix Hdf5Demonstrations::read_table(const std::string& object, const std::string& episode) const {
  Matrix values = file_->open(object, Hdf5Numbers::floating, 2).read_matrix();
  check_finite(values, where(object), episode);
  return values;
}

Image Hdf5Frames::read(int64_t index) {
  const std::vector<int64_t>& shape = frames_.shape();
  check_frame(index, shape[0], where_);
  return {shape[1], shape[2], frames_.read_row(index)};
}

NumberedGroups numbered_groups(const Hdf5File& file, const std::string& group, const std::string& prefix) {
  NumberedGroups found;
  for (const std::string& name : file.children(group.empty() ? "/" : group)) {
    const std::string object = group + name, where = file.path() + ":" + object;
    const bool named = name.starts_with(prefix);
    const int64_t number = named ? whole_number(name.substr(prefix.size())).value_or(-1) : -1;  // zeros may lead
    if (number >= 0 && found.names.emplace(number, name).second) continue;
    if (number >= 0) {
      found.left_out.push_back({where, "the same number as " + found.names[number]});
    } else if (named || file.exists(object + "/actions")) {
      found.left_out.push_back({where, "not named " + prefix + "0, " + prefix + "1, …"});
    }
  }
  std::vector<int64_t> numbers;
  for (const auto& [number, name] : found.names) numbers.push_back(number);
  std::ranges::move(missing_numbers(numbers, file.path(), group + prefix), std::back_inserter(found.left_out));
  return found;
}

void Hdf5Demonstrations::find_groups(const std::string& group, const std::string& prefix) {
  NumberedGroups found = numbered_groups(*file_, group, prefix);
  for (const auto& [number, name] : found.names) {
    ids_.push_back(number);
    groups_.push_back(group + name);
  }
  left_out_ = std::move(found.left_out);
}

std::string Hdf5Demonstrations::object(int64_t episode, const std::string& name) const {
  return groups_[static_cast<size_t>(episode)] + "/" + name;
}

}  // namespace physgen
