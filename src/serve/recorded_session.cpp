#include "recorded_session.h"

#include <algorithm>
#include <utility>

namespace physgen {
namespace {

class RecordedFrames : public FrameReader {
 public:
  RecordedFrames(const RecordedEpisode& episode, size_t camera, std::shared_ptr<const PictureStore> pictures)
      : episode_(episode), camera_(camera), pictures_(std::move(pictures)) {}

  Image read(int64_t index) override {
    const auto look = static_cast<size_t>(index / episode_.look_every);
    if (look != look_) {
      picture_ = pictures_->read(episode_.looks.at(look).pictures.at(camera_));
      look_ = look;
    }
    return picture_;
  }

 private:
  const RecordedEpisode& episode_;
  size_t camera_;
  std::shared_ptr<const PictureStore> pictures_;
  size_t look_ = SIZE_MAX;  // that of picture_
  Image picture_;
};

EpisodeInfo info_of(const RecordedEpisode& episode, size_t number, const std::string& control_mode) {
  EpisodeInfo info;
  info.source = "episode " + std::to_string(number) + " of the session";
  info.task = info.instruction = episode.instruction;
  info.control_mode = control_mode;
  info.control_steps = episode.look_every * std::ssize(episode.actions);
  info.success = episode.success;
  info.look_every = episode.look_every;
  return info;
}

}  // namespace

RecordedSession::RecordedSession(std::vector<RecordedEpisode> episodes, std::shared_ptr<const PictureStore> pictures,
                                 const PolicyDescription& policy, double control_rate)
    : DemonstrationFile("the session"),
      recorded_(std::move(episodes)),
      pictures_(std::move(pictures)),
      policy_(policy) {
  for (size_t i = 0; i < recorded_.size(); ++i) episodes_.push_back(info_of(recorded_[i], i, policy.control_mode));
  recording_ = {.frames_per_second = control_rate, .robot = {}, .action_names = {}, .state_names = {}};
  shape_.action_width = policy.action_width;
  shape_.state_width = policy.state_width;
  const RecordedLook& first = recorded_.at(0).looks.at(0);
  for (size_t camera = 0; camera < policy.cameras.size(); ++camera) {
    const Image picture = pictures_->read(first.pictures[camera]);
    shape_.cameras[policy.cameras[camera]] = {picture.height, picture.width};
  }
}

EpisodeShape RecordedSession::inspect(int64_t) const { return shape_; }

Episode RecordedSession::read(int64_t number) const {
  const RecordedEpisode& recorded = at(number);
  const EpisodeInfo& about = info(number);
  Episode episode{about, Matrix(about.control_steps, policy_.action_width), {}};
  for (int64_t look = 0; look < std::ssize(recorded.actions); ++look) {
    episode.actions.middleRows(look * recorded.look_every, recorded.look_every) =
        recorded.actions[static_cast<size_t>(look)];
  }
  if (policy_.state_width == 0) return episode;
  episode.states.resize(about.control_steps + 1, policy_.state_width);
  for (int64_t row = 0; row <= about.control_steps; ++row) {
    const std::vector<float>& state = recorded.looks[static_cast<size_t>(row / recorded.look_every)].state;
    episode.states.row(row) = Eigen::Map<const Eigen::RowVectorXf>(state.data(), policy_.state_width);
  }
  return episode;
}

std::unique_ptr<FrameReader> RecordedSession::open_frames(int64_t episode, const std::string& camera) const {
  const auto number = static_cast<size_t>(std::ranges::find(policy_.cameras, camera) - policy_.cameras.begin());
  return std::make_unique<RecordedFrames>(at(episode), number, pictures_);
}

}  // namespace physgen
