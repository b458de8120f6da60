#include <physgen/device/machine.h>

#include <gtest/gtest.h>

#include <filesystem>

namespace physgen {
namespace {

TEST(InspectMachine, FindsAWorkingLibTorch) {
  const MachineReport report = inspect_machine();
  EXPECT_EQ(report.torch_problem, "");
  EXPECT_TRUE(std::filesystem::exists(report.torch_library)) << report.torch_library;
  EXPECT_NE(report.torch_library.find("libtorch_cpu"), std::string::npos) << report.torch_library;
  EXPECT_TRUE(report.torch_version.starts_with("2.")) << report.torch_version;
  EXPECT_GE(report.threads, 1);
}

TEST(InspectMachine, SaysWhyThereIsNoGpu) {
  const MachineReport report = inspect_machine();
  if (!report.cuda_built) GTEST_SKIP() << "this is a build without CUDA";
  EXPECT_NE(report.gpus.empty(), report.cuda_problem.empty());
  for (const GpuReport& gpu : report.gpus) EXPECT_EQ(gpu.problem, "") << gpu.name;
}

}  // namespace
}  // namespace physgen
