#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <utility>

#include <physgen/core/error.h>
#include <physgen/data/demonstration_dataset.h>

#include "data/demonstration_writer.h"

namespace physgen {

/// A pair of files that is right; each test damages it in its own way.
class DemonstrationFixture : public testing::Test {
 protected:
  DemonstrationFixture() {
    std::filesystem::remove_all(folder_);
    write_demonstrations(path_);
  }
  ~DemonstrationFixture() override { std::filesystem::remove_all(folder_); }

  nlohmann::json json() const { return describe_demonstrations(sketch_); }

  template <class Failure, class Action>
  static Problem problem_of(Action&& action) {
    try {
      action();
    } catch (const Failure& failure) {
      return failure.problem();
    }
    ADD_FAILURE() << "nothing of this kind was thrown";
    return {};
  }

  Problem open_problem() const {
    return problem_of<FormatError>([&] { DemonstrationDataset{{path_}}; });
  }

  const std::string folder_ = testing::TempDir() + "demonstration_test_" + std::to_string(getpid());
  const std::string path_ = folder_ + "/a/push.h5";
  const DemonstrationSketch sketch_;
};

}  // namespace physgen
