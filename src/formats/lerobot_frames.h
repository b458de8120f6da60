#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <physgen/formats/frame_reader.h>

#include "formats/lerobot_metadata.h"
#include "media/video_reader.h"

namespace physgen {

/// Open videos that nobody reads from, each where its last reader left it: episodes that follow each other in a video
/// are decoded in one go. Safe to use from several threads.
class IdleVideos {
 public:
  /// The one that was left last before some time, else a new one. Throws as VideoReader does.
  std::unique_ptr<VideoReader> take(const std::string& path, double seconds);
  void give_back(const std::string& path, double seconds, std::unique_ptr<VideoReader> video);

 private:
  std::mutex mutex_;
  std::multimap<std::pair<std::string, double>, std::unique_ptr<VideoReader>> videos_;  // by path and time
};

/// An episode's pictures as files in a Parquet column.
class LeRobotPictureFrames : public FrameReader {
 public:
  /// @param files  a PNG or JPEG each    @param size  height and width that they must have    @param where  for errors
  LeRobotPictureFrames(std::vector<std::string> files, std::pair<int64_t, int64_t> size, std::string where)
      : files_(std::move(files)), size_(size), where_(std::move(where)) {}
  Image read(int64_t index) override;

 private:
  std::vector<std::string> files_;
  std::pair<int64_t, int64_t> size_;
  std::string where_;
};

/// An episode's part of a video.
class LeRobotVideoFrames : public FrameReader {
 public:
  /// @param times   of the rows, in seconds from the episode's first
  /// @param period  seconds between frames; a picture is at most half of it away from its row
  /// @param size    height and width that the pictures must have    @param where  the episode, for errors
  LeRobotVideoFrames(LeRobotVideo source, std::vector<double> times, double period, std::pair<int64_t, int64_t> size,
                     std::string where, std::shared_ptr<IdleVideos> idle);
  ~LeRobotVideoFrames() override;
  Image read(int64_t index) override;

 private:
  LeRobotVideo source_;
  std::vector<double> times_;
  double period_;
  std::pair<int64_t, int64_t> size_;
  std::string where_;
  std::shared_ptr<IdleVideos> idle_;
  std::unique_ptr<VideoReader> video_;
  double read_until_ = 0;
};

}  // namespace physgen
