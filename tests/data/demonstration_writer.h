#pragma once

#include <hdf5.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace physgen {

/// A small pair of X.h5 and X.json in ManiSkill's layout, for tests. Numbers are simple functions of their place.
struct DemonstrationSketch {
  std::string task = "PushCube-v1";
  std::string control_mode = "pd_joint_pos";
  std::vector<int64_t> steps = {5, 3};  // one an episode
  int64_t action_width = 8;
  int64_t state_width = 9;
  int64_t height = 12;
  int64_t width = 20;
  std::vector<std::string> cameras = {"render_camera"};

  static float action(int64_t episode, int64_t row, int64_t column) {
    return static_cast<float>(episode) + 0.1f * static_cast<float>(row) - 0.01f * static_cast<float>(column);
  }
  static uint8_t pixel(int64_t episode, int64_t frame, int64_t place) {
    return static_cast<uint8_t>((episode * 50 + frame * 10 + place) % 256);
  }
};

/// Writes one dataset, with the groups above it; gzip compresses it a row a chunk, as ManiSkill does.
inline void write_dataset(hid_t file, const std::string& name, hid_t type, const std::vector<hsize_t>& shape,
                          const void* values, bool gzip = false) {
  const hid_t links = H5Pcreate(H5P_LINK_CREATE);
  H5Pset_create_intermediate_group(links, 1);
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  if (gzip) {
    std::vector<hsize_t> chunk = shape;
    chunk[0] = 1;
    H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_deflate(properties, 5);
  }
  const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
  const hid_t dataset = H5Dcreate2(file, name.c_str(), type, space, links, properties, H5P_DEFAULT);
  if (values) H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(properties);
  H5Pclose(links);
}

/// Puts another dataset where one is; nullptr leaves its values unwritten.
inline void replace_dataset(const std::string& path, const std::string& name, hid_t type,
                            const std::vector<hsize_t>& shape, const void* values) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(file, name.c_str(), H5P_DEFAULT);
  write_dataset(file, name, type, shape, values);
  H5Fclose(file);
}

inline void remove_object(const std::string& path, const std::string& name) {
  const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  H5Ldelete(file, name.c_str(), H5P_DEFAULT);
  H5Fclose(file);
}

/// h5py's bool: an enumeration over int8.
inline void write_flags(hid_t file, const std::string& name, const std::vector<int8_t>& flags) {
  const hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
  const int8_t no = 0;
  const int8_t yes = 1;
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  write_dataset(file, name, type, {flags.size()}, flags.data());
  H5Tclose(type);
}

inline void write_episode(hid_t file, const DemonstrationSketch& sketch, int64_t episode) {
  const std::string group = "traj_" + std::to_string(episode) + "/";
  const auto steps = static_cast<hsize_t>(sketch.steps[static_cast<size_t>(episode)]);
  const auto rows = [&](hsize_t count, int64_t width) {
    std::vector<float> values;
    for (int64_t row = 0; row < static_cast<int64_t>(count); ++row) {
      for (int64_t column = 0; column < width; ++column) values.push_back(sketch.action(episode, row, column));
    }
    return values;
  };
  const auto actions = rows(steps, sketch.action_width);
  write_dataset(file, group + "actions", H5T_NATIVE_FLOAT, {steps, static_cast<hsize_t>(sketch.action_width)},
                actions.data());
  const auto states = rows(steps + 1, sketch.state_width);
  write_dataset(file, group + "obs/agent/qpos", H5T_NATIVE_FLOAT, {steps + 1, static_cast<hsize_t>(sketch.state_width)},
                states.data());
  write_flags(file, group + "success", std::vector<int8_t>(steps, 1));
  const auto size = static_cast<hsize_t>(sketch.height) * static_cast<hsize_t>(sketch.width) * 3;
  std::vector<uint8_t> pixels((steps + 1) * size);
  for (size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = sketch.pixel(episode, static_cast<int64_t>(i / size), static_cast<int64_t>(i % size));
  }
  for (const std::string& camera : sketch.cameras) {
    write_dataset(file, group + "obs/sensor_data/" + camera + "/rgb", H5T_NATIVE_UINT8,
                  {steps + 1, static_cast<hsize_t>(sketch.height), static_cast<hsize_t>(sketch.width), 3},
                  pixels.data(), true);
  }
}

inline nlohmann::json describe_demonstrations(const DemonstrationSketch& sketch) {
  nlohmann::json root;
  root["env_info"] = {{"env_id", sketch.task}, {"max_episode_steps", 50}, {"env_kwargs", {{"obs_mode", "rgb"}}}};
  root["episodes"] = nlohmann::json::array();
  for (size_t i = 0; i < sketch.steps.size(); ++i) {
    root["episodes"].push_back({{"episode_id", i},
                                {"episode_seed", 100 + 2 * i},
                                {"control_mode", sketch.control_mode},
                                {"elapsed_steps", sketch.steps[i]},
                                {"success", true}});
  }
  return root;
}

inline void write_json(const std::string& h5_path, const nlohmann::json& root) {
  std::ofstream(std::filesystem::path(h5_path).replace_extension(".json")) << root.dump(2);
}

inline void write_demonstrations(const std::string& path, const DemonstrationSketch& sketch = {}) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  for (size_t i = 0; i < sketch.steps.size(); ++i) write_episode(file, sketch, static_cast<int64_t>(i));
  H5Fclose(file);
  write_json(path, describe_demonstrations(sketch));
}

}  // namespace physgen
