
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "device/compute_device.h"
#include "device/device.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST(ParseDevice, ReadsWhatDevicesAreCalled) {
  using Kind = DeviceChoice::Kind;
  EXPECT_EQ(parse_device("auto"), (DeviceChoice{Kind::automatic, 0}));
  EXPECT_EQ(parse_device("cpu"), (DeviceChoice{Kind::cpu, 0}));
  EXPECT_EQ(parse_device("cuda"), (DeviceChoice{Kind::cuda, 0}));
  EXPECT_EQ(parse_device("cuda:12"), (DeviceChoice{Kind::cuda, 12}));
  EXPECT_EQ(parse_device("hpu"), (DeviceChoice{Kind::hpu, 0}));
}

TEST(ParseDevice, RefusesWhatNoDeviceIsCalled) {
  for (const char* text : {"", "gpu", "CUDA", "cuda:", "cuda:-1", "cuda:1x", "cuda:1234", "cpu:0", "hpu:3", " cpu"}) {
    const Problem problem = problem_of<ConfigError>([&] { parse_device(text); });
    EXPECT_EQ(problem.what, "unknown device");
    EXPECT_EQ(problem.got, "'" + std::string(text) + "'");
    EXPECT_EQ(problem.expected, "auto, cpu, cuda or cuda:N with N the number of a GPU");
  }
}

TEST(ComputeDevice, IsTheCpuWhereThereIsNoGpu) {
  EXPECT_EQ(compute_device("cpu"), at::Device(at::kCPU));
  EXPECT_EQ(compute_device("auto").is_cuda(), torch::cuda::device_count() > 0);
}

TEST(ComputeDevice, RefusesAGpuThatIsNotThere) {
  const auto gpus = torch::cuda::device_count();
  const Problem problem = problem_of<ConfigError>([&] { compute_device("cuda:" + std::to_string(gpus)); });
  EXPECT_EQ(problem.what, "this GPU is not there");
  EXPECT_TRUE(problem.got.starts_with(std::to_string(gpus) + " usable GPUs")) << problem.got;
  if (gpus > 0) return;
  EXPECT_EQ(problem_of<ConfigError>([] { compute_device("cuda"); }).where, "device cuda");
}

TEST(ComputeDevice, RefusesADeviceThatNoLibraryRegisters) {
  if (at::globalContext().hasHPU()) GTEST_SKIP() << "the stand-in is loaded";
  EXPECT_EQ(problem_of<ConfigError>([] { compute_device("hpu"); }).where, "device hpu");
}

}  // namespace
}  // namespace physgen
