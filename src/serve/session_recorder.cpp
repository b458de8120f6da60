#include "session_recorder.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "data/lerobot.h"
#include "files/atomic_file.h"
#include "physgen/data/demonstration_dataset.h"

namespace physgen {
namespace {

constexpr int64_t kMostWaiting = 64;  // steps that are not on the disk yet

}  // namespace

SessionRecorder::SessionRecorder(const PolicyDescription& policy, const std::filesystem::path& folder,
                                 const std::string& name, double control_rate, WorkQueue& thread)
    : policy_(policy), folder_(folder), name_(name), control_rate_(control_rate), thread_(thread) {}

/// A session whose recording fails is served all the same.
template <class Work>
void SessionRecorder::later(Work work) {
  if (failed_) return;
  ++waiting_;
  thread_.add([self = shared_from_this(), work = std::move(work)] {
    --self->waiting_;
    if (self->failed_) return;
    try {
      work();
    } catch (const std::exception& error) {
      self->failed_ = true;
      spdlog::error("{} is not recorded: {}", self->name_, error.what());
    }
  });
}

void SessionRecorder::watch(const SessionEvent& event) {
  if (!event.request) return;
  if (event.request->kind == Request::Kind::end && event.request->success) {
    return later([this, success = *event.request->success] { end_episode(success); });
  }
  if (!event.actions) return;
  if (waiting_ > kMostWaiting && !failed_.exchange(true)) {
    spdlog::error("{} is not recorded: the disk takes no more pictures", name_);
  }
  Step step{.request = event.request,
            .executed = event.episode->executed(),
            .instruction = event.episode->instruction(),
            .begins = event.episode->looked() && event.notes->round == 0,
            .each_step = event.episode->asks_each_step()};
  later([this, step = std::move(step)] { add(step); });
}

bool SessionRecorder::same_sizes(const Observation& observation) {
  std::vector<std::pair<int64_t, int64_t>> sizes;
  for (const Image& view : observation.views) sizes.emplace_back(view.height, view.width);
  if (sizes_.empty()) sizes_ = sizes;
  return sizes == sizes_;
}

void SessionRecorder::add(const Step& step) {
  const Observation& seen = step.request->observation;
  if (!same_sizes(seen)) {
    throw Error(
        {.what = "its pictures change their size", .where = "--record", .got = "", .expected = "the same size"});
  }
  if (!pictures_) pictures_ = std::make_shared<PictureStore>(folder_);
  if (step.begins || episodes_.empty()) {
    episodes_.push_back({.instruction = step.instruction, .look_every = step.each_step ? 1 : policy_.execute});
  }
  RecordedEpisode& episode = episodes_.back();
  if (!episode.looks.empty()) episode.actions.push_back(step.executed);
  RecordedLook look{.pictures = {}, .state = seen.state};
  for (const Image& view : seen.views) look.pictures.push_back(pictures_->add(view));
  episode.looks.push_back(std::move(look));
}

void SessionRecorder::end_episode(bool success) {
  if (!episodes_.empty()) episodes_.back().success = success;
}

void SessionRecorder::finish() {
  later([this] { write(); });
}

void SessionRecorder::write() {
  std::erase_if(episodes_, [](const RecordedEpisode& episode) { return episode.actions.empty(); });
  if (episodes_.empty()) return;
  AtomicDirectory directory(folder_ / name_);
  const DemonstrationDataset dataset(
      std::make_unique<RecordedSession>(std::move(episodes_), pictures_, policy_, control_rate_));
  write_lerobot(dataset, directory.path(), {});
  directory.commit();
  spdlog::info("recorded {}", (folder_ / name_).string());
}

}  // namespace physgen
