#include "formats/libero_file.h"

#include <algorithm>
#include <filesystem>

#include <physgen/core/error.h>

#include "media/resize.h"

namespace physgen {
namespace {

constexpr const char* kEnding = "_demo";
constexpr const char* kHand = "obs/ee_states";
constexpr const char* kFingers = "obs/gripper_states";
const std::string kPictures = "_rgb";

std::string task_of(const std::string& path) {
  std::string name = std::filesystem::path(path).stem().string();
  if (name.ends_with(kEnding)) name.resize(name.size() - std::string_view(kEnding).size());
  return name;
}

class LiberoFrames : public Hdf5Frames {
 public:
  using Hdf5Frames::Hdf5Frames;
  Image read(int64_t index) override { return turned_around(Hdf5Frames::read(index)); }
};

Matrix beside(const Matrix& left, const Matrix& right) {
  Matrix both(left.rows(), left.cols() + right.cols());
  both << left, right;
  return both;
}

}  // namespace

std::string libero_instruction(const std::string& task) {
  const size_t scene = task.find("SCENE");
  const size_t start = scene == std::string::npos ? 0 : std::min(task.find('_', scene), task.size() - 1) + 1;
  std::string words = task.substr(start);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

LiberoFile::LiberoFile(std::shared_ptr<const Hdf5File> file, const std::string& instruction)
    : Hdf5Demonstrations(std::move(file)), seen_after_(file_->has_attribute("data", "problem_info")) {
  find_groups("data/", "demo_");
  const std::string task = task_of(path());
  for (const std::string& name : groups_) {
    const int64_t rows = file_->open(name + "/actions", Hdf5Numbers::floating, 2).shape()[0];
    if (rows < 2) {
      throw FormatError({"an episode is too short", where(name), std::to_string(rows) + " actions", "at least 2",
                         "remove this episode"});
    }
    episodes_.push_back({where(name), task, instruction.empty() ? libero_instruction(task) : instruction, "osc_pose",
                         rows - 1, -1, true});
  }
  if (!episodes_.empty()) return;
  throw FormatError({"an .hdf5 file holds no episodes", path(), "no group data/demo_*", "data/demo_0, data/demo_1, …",
                     "name LIBERO demonstrations"});
}

EpisodeShape LiberoFile::inspect(int64_t episode) const {
  const int64_t rows = info(episode).control_steps + 1;
  const std::string why = "one to each action";
  EpisodeShape shape;
  shape.action_width = inspect_table(object(episode, "actions"), rows, why);
  if (file_->exists(object(episode, kHand))) {
    shape.state_width = inspect_table(object(episode, kHand), rows, why);
    shape.state_width += inspect_table(object(episode, kFingers), rows, why);
  }
  for (const std::string& name : file_->children(object(episode, "obs"))) {
    if (!name.ends_with(kPictures)) continue;
    const std::string camera = name.substr(0, name.size() - kPictures.size());
    shape.cameras[camera] = inspect_frames(object(episode, "obs/" + name), rows, why);
  }
  if (!shape.cameras.empty()) return shape;
  throw FormatError({"an episode has no camera images", info(episode).source, "nothing at obs/<camera>_rgb",
                     "frames [T, height, width, 3] uint8", "name demonstrations with pictures"});
}

Episode LiberoFile::read(int64_t episode) const {
  const std::string id = std::to_string(ids_[static_cast<size_t>(episode)]);
  const Matrix actions = read_table(object(episode, "actions"), id);
  check_osc_range(actions, where(object(episode, "actions")));
  const int64_t steps = info(episode).control_steps;
  Episode result{info(episode), seen_after_ ? actions.bottomRows(steps) : actions.topRows(steps), {}};
  if (!file_->exists(object(episode, kHand))) return result;
  result.states = beside(read_table(object(episode, kHand), id), read_table(object(episode, kFingers), id));
  return result;
}

std::unique_ptr<FrameReader> LiberoFile::open_frames(int64_t episode, const std::string& camera) const {
  const std::string name = object(episode, "obs/" + camera + kPictures);
  return std::make_unique<LiberoFrames>(file_->open(name, Hdf5Numbers::bytes, 4), where(name));
}

}  // namespace physgen
