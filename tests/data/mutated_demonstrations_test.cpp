#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include <physgen/data/demonstration_check.h>

#include "core/printable.h"
#include "core/stopwatch.h"
#include "data/demonstration_writer.h"
#include "support/number_from_environment.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr double kMostSeconds = 60;  // for one damaged set

/// How many sets of each layout are damaged: PHYSGEN_MUTATIONS, or a few.
int64_t rounds() { return number_from_environment("PHYSGEN_MUTATIONS", 40); }

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Damages bytes as disks, downloads and people do.
class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

  std::string damage(std::string bytes) {
    const size_t at = below(bytes.size()), length = below(std::min<size_t>(bytes.size() - at, 512) + 1);
    switch (below(7)) {
      case 0:
        return bytes.substr(0, at);
      case 1:
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), length, random_() % 2 ? '\0' : '\xff');
        return bytes;
      case 2:
        return bytes.erase(at, length);
      case 3:
        return bytes.insert(at, bytes.substr(below(bytes.size()), length));
      case 4:
        return change_number(std::move(bytes));
      default:
        return flip(std::move(bytes));
    }
  }

 private:
  std::string flip(std::string bytes) {
    for (size_t i = 0; i < size_t{1} << below(6) && !bytes.empty(); ++i) {
      bytes[below(bytes.size())] = static_cast<char>(random_());
    }
    return bytes;
  }

  /// Sizes and places are numbers of 4 or 8 bytes.
  std::string change_number(std::string bytes) {
    const uint64_t numbers[] = {0, 1, 0x7f, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, ~uint64_t{0}, random_()};
    const uint64_t number = numbers[below(std::size(numbers))];
    const size_t width = random_() % 2 ? 4 : 8, at = below(bytes.size());
    for (size_t i = 0; i < width && at + i < bytes.size(); ++i) {
      bytes[at + i] = static_cast<char>(number >> (8 * i));
    }
    return bytes;
  }

  std::mt19937 random_;
};

/// Sets of every layout, damaged at random, are read or refused by a named error, in time, and no message obeys them.
class MutatedDemonstrations : public testing::TestWithParam<const char*> {
 protected:
  MutatedDemonstrations() {
    const std::string layout = GetParam();
    if (layout == "maniskill") {
      write_demonstrations(whole_ / "push.h5", {.steps = {3, 2}, .height = 4, .width = 4});
    } else if (layout == "libero") {
      write_libero(whole_ / "push_demo.hdf5");
    } else {
      fs::copy(PHYSGEN_SOURCE_DIR "/tests/golden/lerobot/" + layout, whole_ / "set", fs::copy_options::recursive);
    }
    for (const auto& entry : fs::recursive_directory_iterator(whole_.path())) {
      if (entry.is_regular_file()) files_.push_back(fs::relative(entry.path(), whole_.path()));
    }
    std::ranges::sort(files_);
  }

  static void write_libero(const std::string& path) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const std::vector<float> numbers(4 * 7, 0.25F);
    const std::vector<uint8_t> pixels(4 * 4 * 4 * 3, 77);
    for (const char* episode : {"data/demo_0/", "data/demo_1/"}) {
      const std::string group = episode;
      write_dataset(file, group + "actions", H5T_NATIVE_FLOAT, {4, 7}, numbers.data());
      write_dataset(file, group + "obs/ee_states", H5T_NATIVE_FLOAT, {4, 6}, numbers.data());
      write_dataset(file, group + "obs/gripper_states", H5T_NATIVE_FLOAT, {4, 2}, numbers.data());
      write_dataset(file, group + "obs/agentview_rgb", H5T_NATIVE_UINT8, {4, 4, 4, 3}, pixels.data(), true);
    }
    H5Fclose(file);
  }

  /// Messages of a damaged copy; where it is sound, none.
  std::vector<std::string> messages_of(Mutator& mutator, const fs::path& copy) const {
    fs::copy(whole_.path(), copy, fs::copy_options::recursive);
    for (size_t i = 0; i < 1 + mutator.below(2); ++i) {
      const fs::path file = copy / files_[mutator.below(files_.size())];
      const std::string damaged = mutator.damage(bytes_of(file));
      std::ofstream(file, std::ios::binary) << damaged;
    }
    std::vector<std::string> messages;
    try {
      const DemonstrationCheck check = check_demonstrations({copy.string()}, "");
      for (const Problem& problem : check.problems) messages.push_back(to_text(problem));
      for (const auto& [where, why] : check.left_out) messages.push_back(printable(where + why));
    } catch (const Error& error) {  // a folder that no longer holds any
      messages.push_back(to_text(error.problem()));
    }
    return messages;
  }

  const TemporaryFolder whole_;
  std::vector<fs::path> files_;
};

TEST_P(MutatedDemonstrations, AreReadOrRefusedInTimeByWordsAlone) {
#ifndef PHYSGEN_HAS_ARROW
  if (std::string(GetParam()).starts_with("v")) GTEST_SKIP() << "built without Arrow";
#endif
  int refused = 0;
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE(round);
    const TemporaryFolder folder;
    Mutator mutator(static_cast<unsigned>(round));
    const Stopwatch stopwatch;
    const std::vector<std::string> messages = messages_of(mutator, folder / "copy");
    EXPECT_LT(stopwatch.seconds(), kMostSeconds);
    for (const std::string& message : messages) EXPECT_EQ(message, printable(message));
    refused += !messages.empty();
  }
  EXPECT_GT(refused, rounds() / 4);
}

INSTANTIATE_TEST_SUITE_P(Layouts, MutatedDemonstrations,
                         testing::Values("maniskill", "libero", "v20", "v21", "v21_video", "v30_image", "v30_video"),
                         [](const auto& layout) { return std::string(layout.param); });

}  // namespace
}  // namespace physgen
