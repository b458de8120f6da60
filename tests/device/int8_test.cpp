
#include <gtest/gtest.h>

#include "device/int8.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST(RequireInt8, ACpuThatMultipliesBytesIsEnough) {
  EXPECT_NO_THROW(require_int8(at::kCPU, "the test", /*cpu_multiplies_bytes=*/true));
}

TEST(RequireInt8, AnotherCpuIsNamedWithWhatToDo) {
  const Problem problem =
      problem_of<ConfigError>([] { require_int8(at::kCPU, "the test", /*cpu_multiplies_bytes=*/false); });
  EXPECT_EQ(problem.where, "the test");
  EXPECT_NE(problem.got.find("AVX512-VNNI"), std::string::npos);
  EXPECT_NE(problem.next_step.find("--precision auto"), std::string::npos);
}

TEST(RequireInt8, AGpuIsRefused) {
  const Problem problem = problem_of<ConfigError>(
      [] { require_int8(at::Device(at::kCUDA, 1), "the test", /*cpu_multiplies_bytes=*/true); });
  EXPECT_EQ(problem.got, "device cuda:1");
  EXPECT_NE(problem.next_step.find("--device cpu"), std::string::npos);
}

}  // namespace
}  // namespace physgen
