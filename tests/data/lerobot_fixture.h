#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include <physgen/data/demonstration_dataset.h>

#include "data/demonstration_writer.h"
#include "data/lerobot.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {

/// A ManiSkill file, and the LeRobot data set that it becomes.
class LeRobotTest : public testing::Test {
 protected:
  void SetUp() override {
#ifndef PHYSGEN_HAS_ARROW
    GTEST_SKIP() << "built without Arrow";
#endif
    write_demonstrations(source_, {.steps = {5, 30, 3}, .height = 48, .width = 64, .cameras = {"front", "side"}});
  }

  DemonstrationDataset convert(const LeRobotOptions& options = {}) const {
    std::filesystem::create_directory(folder_);
    write_lerobot(DemonstrationDataset({source_}), folder_, options);
    return DemonstrationDataset({folder_});
  }

  nlohmann::json info() const {
    std::ifstream file(folder_ + "/meta/info.json");
    return nlohmann::json::parse(file);
  }

  void set_info(const nlohmann::json& patch) const {
    nlohmann::json changed = info();
    changed.merge_patch(patch);
    std::ofstream(folder_ + "/meta/info.json") << changed;
  }

  template <class Kind = FormatError>
  Problem open_problem() const {
    return problem_of<Kind>([&] { DemonstrationDataset{{folder_}}; });
  }

  const TemporaryFolder temporary_;
  const std::string source_ = temporary_ / "source/push.h5";
  const std::string folder_ = temporary_ / "lerobot";
  const std::string data_ = folder_ + "/data/chunk-000/file-000.parquet";
};

}  // namespace physgen
