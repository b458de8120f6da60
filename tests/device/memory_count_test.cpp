
#include <gtest/gtest.h>

#include <torch/torch.h>

#include "device/free_memory.h"
#include "device/memory_count.h"
#include "support/test_device.h"

namespace physgen {
namespace {

at::Device device() { return at::Device(test_device_name()); }

TEST(MemoryCount, CountsWhatTensorsHoldAndTheMostThatTheyHeld) {
  const at::Tensor before = at::ones({1 << 20}, device());
  MemoryCount count(device());
  EXPECT_EQ(count.held(), 0);
  const at::Tensor kept = at::ones({1 << 20}, device());
  at::Tensor dropped = at::ones({1 << 21}, device());
  dropped.reset();
  EXPECT_EQ(count.held(), 4 << 20);
  EXPECT_EQ(count.peak(), 12 << 20);
  count.forget_peak();
  EXPECT_EQ(count.peak(), 4 << 20);
}

TEST(MemoryCount, SeesWhatABackwardPassMakes) {
  MemoryCount count(device());
  const at::Tensor weight = at::ones({1 << 20}, at::TensorOptions(device())).requires_grad_();
  const at::Tensor loss = (weight * weight).sum();
  loss.backward();
  EXPECT_GE(count.held(), 8 << 20);  // the weight and its gradient
}

TEST(FreeMemory, IsSomethingAndResidentMemoryGrowsByWhatIsWritten) {
  EXPECT_GT(free_memory(at::kCPU), 1 << 20);
  const int64_t before = resident_memory();
  const at::Tensor written = at::ones({64 << 20}, at::kByte);
  EXPECT_NEAR(static_cast<double>(resident_memory() - before), 64 << 20, 4 << 20);
}

}  // namespace
}  // namespace physgen
