#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <physgen/media/video_writer.h>

#include "data/frame_stream.h"
#include "data/lerobot.h"
#include "data/lerobot_meta_writer.h"
#include "data/lerobot_statistics.h"
#include "formats/parquet_writer.h"

namespace physgen {

/// Writes a LeRobot data set of v3.0, episode by episode; see `write_lerobot`.
class LeRobotWriter {
 public:
  LeRobotWriter(const DemonstrationDataset& dataset, std::string folder, const LeRobotOptions& options);

  /// Episodes are written in their order, each once.
  void add(int64_t episode);
  /// Finishes the files and writes `meta`.
  void close();

 private:
  /// A frame, and what is made of it while others are decoded.
  struct Picture {
    Image image;               ///< where it goes into a video,
    std::vector<uint8_t> png;  ///< or else this
    PictureHistogram histogram;
  };
  /// One camera: what is written now, and what is known of it so far.
  struct Camera {
    std::string key;
    std::unique_ptr<VideoWriter> video;
    int64_t video_file = 0;
    int64_t video_frames = 0;
    PictureHistogram pictures;
    PictureHistogram of_episode = {};
    std::vector<std::vector<uint8_t>> files = {};  ///< of the episode
  };

  void check_sizes() const;
  void check_looks() const;
  int64_t task_index(const std::string& task);
  std::vector<int64_t> add_tasks(const EpisodeInfo& episode, LeRobotRow& row);
  void add_tables(const Episode& episode, LeRobotRow& row, ParquetTable& table);
  Picture picture_of(Image image) const;
  void add_pictures(LeRobotRow& row, ParquetTable& table);
  void add_picture(Camera& camera, Picture picture);
  void open_data_file();
  void open_video(const std::string& name, Camera& camera, LeRobotRow& row);
  void write_statistics() const;
  void write_info() const;
  nlohmann::json features() const;
  void add_additions(nlohmann::json& info) const;

  const DemonstrationDataset& dataset_;
  std::filesystem::path folder_;
  LeRobotOptions options_;
  std::map<std::string, Camera> cameras_;
  FrameStream<Picture> frames_;
  std::vector<std::string> tasks_;
  std::vector<LeRobotRow> episodes_;
  std::map<std::string, std::vector<Matrix>> columns_;  // by feature, an episode each
  std::unique_ptr<ParquetWriter> data_;
  int64_t data_file_ = -1;
  int64_t data_bytes_ = 0;
  int64_t rows_ = 0;
};

}  // namespace physgen
