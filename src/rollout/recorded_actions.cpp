#include "rollout/recorded_actions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <span>
#include <utility>

#include <physgen/core/error.h>

#include "files/folder.h"
#include "files/safetensors.h"

namespace physgen {
namespace {

constexpr const char* kName = "actions";

std::filesystem::path path_of(const std::filesystem::path& evaluation, int64_t episode) {
  return evaluation / "actions" / fmt::format("episode_{:04}.safetensors", episode);
}

/// An episode's actions, and how many of them were given out.
struct Replay {
  Matrix actions;
  int64_t next = 0;
};

}  // namespace

void write_recorded_actions(const std::filesystem::path& evaluation, int64_t episode, const Matrix& actions) {
  const std::filesystem::path path = path_of(evaluation, episode);
  create_folders(path.parent_path());
  const std::span values(actions.data(), static_cast<size_t>(actions.size()));
  const TensorEntry entry{kName, DataType::f32, {actions.rows(), actions.cols()}, std::as_bytes(values)};
  write_safetensors(path, {&entry, 1});
}

Matrix read_recorded_actions(const std::filesystem::path& evaluation, int64_t episode) {
  const std::filesystem::path path = path_of(evaluation, episode);
  const SafetensorsFile file = SafetensorsFile::open(path);
  const TensorEntry* entry = file.find(kName);
  if (!entry || entry->type != DataType::f32 || entry->shape.size() != 2) {
    throw FormatError({.what = "a file holds no recorded actions",
                       .where = path.string(),
                       .got = entry ? "a tensor of another kind" : "no tensor of this name",
                       .expected = "\"actions\" [T, A] F32",
                       .next_step = "run the evaluation again"});
  }
  Matrix actions(entry->shape[0], entry->shape[1]);
  std::memcpy(actions.data(), entry->data.data(), entry->data.size());
  return actions;
}

RolloutPolicy recorded_policy(const std::filesystem::path& evaluation, const RolloutConfig& config) {
  std::map<std::pair<std::string, int64_t>, int64_t> episodes;
  for (const PlannedEpisode& planned : plan_episodes(config)) {
    episodes.emplace(std::pair{planned.start.task, planned.start.seed}, std::ssize(episodes));
  }
  const auto replay = std::make_shared<Replay>();
  const auto reset = [=](const std::string&, const EpisodeStart& start) {
    *replay = {read_recorded_actions(evaluation, episodes.at({start.task, start.seed}))};
  };
  const auto act = [replay, execute = config.execute](const Observation&, const Matrix&) -> Matrix {
    const int64_t left = replay->actions.rows() - replay->next;
    if (left == 0) return replay->actions.bottomRows(1);
    const int64_t count = std::min(execute, left);
    replay->next += count;
    return replay->actions.middleRows(replay->next - count, count);
  };
  return {.reset = reset, .act = act, .execute = config.execute};
}

}  // namespace physgen
