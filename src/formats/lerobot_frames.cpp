#include "formats/lerobot_frames.h"

#include <iterator>

#include <physgen/core/error.h>

#include "formats/demonstration_file.h"

namespace physgen {
namespace {

constexpr size_t kMostIdle = 8;

void check_size(const Image& frame, std::pair<int64_t, int64_t> size, const std::string& where) {
  if (std::pair{frame.height, frame.width} == size) return;
  throw FormatError({"a frame has another size than meta/info.json says", where,
                     std::to_string(frame.height) + " x " + std::to_string(frame.width),
                     std::to_string(size.first) + " x " + std::to_string(size.second), "convert this data set again"});
}

}  // namespace

std::unique_ptr<VideoReader> IdleVideos::take(const std::string& path, double seconds) {
  {
    const std::lock_guard lock(mutex_);
    const auto behind = videos_.upper_bound({path, seconds});
    if (behind != videos_.begin() && std::prev(behind)->first.first == path) {
      return std::move(videos_.extract(std::prev(behind)).mapped());
    }
  }
  return std::make_unique<VideoReader>(path);
}

void IdleVideos::give_back(const std::string& path, double seconds, std::unique_ptr<VideoReader> video) {
  const std::lock_guard lock(mutex_);
  if (videos_.size() >= kMostIdle) videos_.erase(videos_.begin());
  videos_.emplace(std::pair(path, seconds), std::move(video));
}

Image LeRobotPictureFrames::read(int64_t index) {
  check_frame(index, std::ssize(files_), where_);
  const std::string& file = files_[static_cast<size_t>(index)];
  const std::string where = where_ + ", frame " + std::to_string(index);
  Image frame = decode_picture({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, where);
  check_size(frame, size_, where);
  return frame;
}

LeRobotVideoFrames::LeRobotVideoFrames(LeRobotVideo source, std::vector<double> times, double period,
                                       std::pair<int64_t, int64_t> size, std::string where,
                                       std::shared_ptr<IdleVideos> idle)
    : source_(std::move(source)),
      times_(std::move(times)),
      period_(period),
      size_(size),
      where_(std::move(where)),
      idle_(std::move(idle)),
      video_(idle_->take(source_.path, source_.start)),
      read_until_(source_.start) {}

LeRobotVideoFrames::~LeRobotVideoFrames() { idle_->give_back(source_.path, read_until_, std::move(video_)); }

Image LeRobotVideoFrames::read(int64_t index) {
  check_frame(index, std::ssize(times_), where_);
  const double seconds = source_.start + times_[static_cast<size_t>(index)];
  const std::string where = source_.path + ", " + where_ + ", row " + std::to_string(index);
  if (seconds > source_.end - kFrameShare * period_) {
    throw FormatError({"a row lies outside its episode's part of the video", where, std::to_string(seconds) + " s",
                       std::to_string(source_.start) + " s to " + std::to_string(source_.end) + " s",
                       "download or convert this data set again"});
  }
  try {
    Image frame = video_->read(seconds, period_ / 2);
    read_until_ = seconds;
    check_size(frame, size_, where);
    return frame;
  } catch (const FormatError& error) {
    Problem problem = error.problem();
    problem.where = where;
    throw FormatError(problem);
  }
}

}  // namespace physgen
