#include <physgen/data/demonstration_dataset.h>

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

#include "core/quote.h"
#include "data/demonstration_search.h"
#include "data/resampled_file.h"
#include "formats/demonstration_file.h"

namespace physgen {
namespace {

/// Throws when an episode is not like the first one in something that all must share.
void check_same(const std::string& what, const EpisodeInfo& episode, const std::string& got, const EpisodeInfo& first,
                const std::string& expected) {
  if (got == expected) return;
  throw FormatError({"episodes disagree in " + what, episode.source, got, expected + ", as in " + first.source,
                     "use these demonstrations apart, or convert one of them"});
}

/// Actions of one control step mean another motion at another rate. Those of the simulators run at their controllers'
/// rate, whatever a data set says.
void check_rate(const DemonstrationFile& file, const DemonstrationFile& first) {
  const double rate = file.recording().frames_per_second, known = first.recording().frames_per_second;
  if (rate == known || rate == 0 || known == 0 || is_simulated(file.info(0).control_mode)) return;
  throw ConfigError({"sets of demonstrations were recorded at different rates", file.path(),
                     fmt::format("{:g} control steps a second", rate),
                     fmt::format("{:g}, as in {}", known, first.path()),
                     "pass --resample HZ, or use these demonstrations apart"});
}

/// The cameras that a name stands for: the one of that name, or else all that end with it behind a dot.
std::vector<std::string> named(const std::string& name, const std::vector<std::string>& cameras) {
  std::vector<std::string> found;
  const std::string key = "observation.images.", end = "." + name;
  for (const std::string& camera : cameras) {
    if (camera == name || key + camera == name) return {camera};
    if (!name.empty() && camera.ends_with(end)) found.push_back(camera);
  }
  return found;
}

std::string size_text(const std::pair<int64_t, int64_t>& size) {
  return std::to_string(size.first) + " x " + std::to_string(size.second);
}

}  // namespace

struct DemonstrationDataset::Files {
  struct Entry {
    const DemonstrationFile* file;
    int64_t index;  // within the file
  };

  void add(std::unique_ptr<DemonstrationFile> opened);
  void agree(const EpisodeInfo& info, const EpisodeShape& shape);
  const Entry& at(int64_t episode) const;
  const std::string& camera(const std::string& name) const;
  void name_cameras();

  std::vector<std::unique_ptr<DemonstrationFile>> files;
  std::vector<Entry> entries;
  std::vector<std::pair<int64_t, int64_t>> seeds_tried;
  EpisodeShape shape;  // what all have; `cameras` shrinks to those of every episode
  std::vector<std::string> cameras;
  std::vector<LeftOut> left_out;
};

void DemonstrationDataset::Files::add(std::unique_ptr<DemonstrationFile> opened) {
  const DemonstrationFile& file = *files.emplace_back(std::move(opened));
  check_rate(file, *files[0]);
  for (int64_t i = 0; i < file.size(); ++i) {
    const EpisodeShape found = file.inspect(i);
    agree(file.info(i), found);
    entries.push_back({&file, i});
  }
  seeds_tried.insert(seeds_tried.end(), file.seeds_tried().begin(), file.seeds_tried().end());
  left_out.insert(left_out.end(), file.left_out().begin(), file.left_out().end());
}

void DemonstrationDataset::Files::agree(const EpisodeInfo& info, const EpisodeShape& found) {
  if (entries.empty()) {
    shape = found;
    return;
  }
  const EpisodeInfo& first = entries[0].file->info(0);
  check_same("control mode", info, info.control_mode, first, first.control_mode);
  check_same("the width of actions", info, std::to_string(found.action_width), first,
             std::to_string(shape.action_width));
  check_same("the width of states", info, std::to_string(found.state_width), first, std::to_string(shape.state_width));
  for (const auto& [camera, size] : found.cameras) {
    const auto known = shape.cameras.find(camera);
    if (known == shape.cameras.end()) continue;
    check_same("the size of " + camera + "'s frames", info, size_text(size), first, size_text(known->second));
  }
  std::erase_if(shape.cameras, [&](const auto& camera) { return !found.cameras.contains(camera.first); });
  if (shape.cameras.empty()) {
    throw FormatError({"no camera is in every episode", info.source, "none of the cameras of the episodes before it",
                       "one camera that all episodes share", "use these demonstrations apart, or render them again"});
  }
}

const DemonstrationDataset::Files::Entry& DemonstrationDataset::Files::at(int64_t episode) const {
  if (episode < 0 || episode >= static_cast<int64_t>(entries.size())) {
    throw ConfigError({"there is no such episode", "the demonstrations", std::to_string(episode),
                       "0 to " + std::to_string(entries.size() - 1), "ask for one of these episodes"});
  }
  return entries[static_cast<size_t>(episode)];
}

const std::string& DemonstrationDataset::Files::camera(const std::string& name) const {
  const std::vector<std::string> found = named(name, cameras);
  if (found.size() == 1) return *std::ranges::find(cameras, found[0]);
  Problem problem{.what = "the demonstrations have no such camera",
                  .where = files[0]->path(),
                  .got = quote(name),
                  .expected = cameras.size() == 1 ? cameras[0] : "one of " + comma_separated(cameras),
                  .next_step = "name a camera of the demonstrations, or render them with this one"};
  if (found.size() > 1) {
    problem.what = "several cameras end with this name";
    problem.expected = "one of " + comma_separated(found);
    problem.next_step = "write more of it";
  }
  for (const auto& [other, shown] : shape.unusable) {
    if (found.empty() && !named(name, {other}).empty()) problem.got = quote(name) + ", which is " + shown;
  }
  throw ConfigError(problem);
}

void DemonstrationDataset::Files::name_cameras() {
  for (const auto& [camera, size] : shape.cameras) cameras.push_back(camera);
}

DemonstrationDataset::DemonstrationDataset(const std::vector<std::string>& paths, const std::string& instruction,
                                           double resample)
    : files_(std::make_unique<Files>()) {
  FoundDemonstrations found = find_demonstrations(paths);
  files_->left_out = std::move(found.left_out);
  for (const std::string& path : found.files) {
    auto opened = open_demonstration_file(path, instruction);
    if (resample > 0) opened = std::make_unique<ResampledFile>(std::move(opened), resample);
    files_->add(std::move(opened));
  }
  files_->name_cameras();
}

DemonstrationDataset::DemonstrationDataset(std::unique_ptr<DemonstrationFile> demonstrations)
    : files_(std::make_unique<Files>()) {
  files_->add(std::move(demonstrations));
  files_->name_cameras();
}

DemonstrationDataset::~DemonstrationDataset() = default;
DemonstrationDataset::DemonstrationDataset(DemonstrationDataset&&) noexcept = default;
DemonstrationDataset& DemonstrationDataset::operator=(DemonstrationDataset&&) noexcept = default;

int64_t DemonstrationDataset::size() const { return static_cast<int64_t>(files_->entries.size()); }

const EpisodeInfo& DemonstrationDataset::info(int64_t episode) const {
  const Files::Entry& entry = files_->at(episode);
  return entry.file->info(entry.index);
}

const std::vector<std::string>& DemonstrationDataset::cameras() const { return files_->cameras; }

int64_t DemonstrationDataset::action_width() const { return files_->shape.action_width; }

int64_t DemonstrationDataset::state_width() const { return files_->shape.state_width; }

const std::string& DemonstrationDataset::camera(const std::string& name) const { return files_->camera(name); }

const Recording& DemonstrationDataset::recording() const { return files_->files[0]->recording(); }

std::pair<int64_t, int64_t> DemonstrationDataset::frame_size(const std::string& camera) const {
  return files_->shape.cameras.at(files_->camera(camera));
}

const std::vector<std::pair<int64_t, int64_t>>& DemonstrationDataset::seeds_tried() const {
  return files_->seeds_tried;
}

const std::vector<LeftOut>& DemonstrationDataset::left_out() const { return files_->left_out; }

Episode DemonstrationDataset::read(int64_t episode) const {
  const Files::Entry& entry = files_->at(episode);
  return entry.file->read(entry.index);
}

std::optional<Eigen::Isometry3d> DemonstrationDataset::read_hand(int64_t episode) const {
  const Files::Entry& entry = files_->at(episode);
  return entry.file->read_hand(entry.index);
}

std::unique_ptr<FrameReader> DemonstrationDataset::open_frames(int64_t episode, const std::string& camera) const {
  const Files::Entry& entry = files_->at(episode);
  return entry.file->open_frames(entry.index, files_->camera(camera));
}

Image DemonstrationDataset::read_frame(int64_t episode, const std::string& camera, int64_t index) const {
  return open_frames(episode, camera)->read(index);
}

}  // namespace physgen
