#include "kernels/amx_conv.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "kernels/agreement.h"

namespace physgen {
namespace {

constexpr auto kLast = at::MemoryFormat::ChannelsLast;

struct Case {
  int64_t in, out, side, stride, height, width;
};

at::Tensor plain(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride) {
  const at::Tensor padded = stride == 2 ? at::constant_pad_nd(x, {0, 1, 0, 1}) : x;
  return at::conv2d(padded, weight, bias, stride, stride == 2 ? 0 : weight.size(2) / 2);
}

at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }

class AmxConvTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!has_amx()) GTEST_SKIP() << "this CPU has no AMX";
    at::manual_seed(1);
    const Case& sizes = GetParam();
    x_ = at::randn({2, sizes.in, sizes.height, sizes.width}).contiguous(kLast);
    weight_ = at::randn({sizes.out, sizes.in, sizes.side, sizes.side}) / 30;
    bias_ = at::randn({sizes.out});
  }

  // Beside float64's: with an output, and added to one.
  void expect_near(const AmxConv& conv, const at::Tensor& x, const at::Tensor& expected, at::ScalarType dtype,
                   double most) {
    ASSERT_TRUE(conv.takes(x));
    const at::Tensor y = conv.forward(x);
    EXPECT_EQ(y.scalar_type(), dtype);
    EXPECT_TRUE(y.is_contiguous(kLast));
    EXPECT_LT(difference(y, expected), most);
    const at::Tensor sum = at::randn(expected.sizes()).to(dtype).contiguous(kLast), more = wide(sum) + expected;
    EXPECT_TRUE(conv.forward(x, {}, sum).is_same(sum));
    EXPECT_LT(difference(sum, more), most);
  }

  const at::NoGradGuard no_gradient_;
  at::Tensor x_, weight_, bias_;
};

TEST_P(AmxConvTest, InFloat32IsAsNearToExactAsPyTorchs) {
  const int64_t stride = GetParam().stride;
  const at::Tensor exact = plain(wide(x_), wide(weight_), wide(bias_), stride);
  expect_near(AmxConv(weight_, bias_, stride), x_, exact, at::kFloat, 1e-6);
  EXPECT_LE(difference(AmxConv(weight_, bias_, stride).forward(x_), exact),
            2 * difference(plain(x_, weight_, bias_, stride), exact));
}

TEST_P(AmxConvTest, InBfloat16RoundsItsResultAlone) {
  const at::Tensor x = x_.to(at::kBFloat16), weight = weight_.to(at::kBFloat16);
  const at::Tensor exact = plain(wide(x), wide(weight), wide(bias_), GetParam().stride);
  expect_near(AmxConv(weight, bias_, GetParam().stride), x, exact, at::kBFloat16, 6e-3);
}

TEST_P(AmxConvTest, OfBytesIsThatOfWhatTheyStandFor) {
  if (GetParam().stride != 1 || GetParam().in % 64 != 0) GTEST_SKIP() << "not of bytes";
  const ByteScale scale = byte_scale(-2, 4);
  const at::Tensor bytes = to_bytes(x_, scale);
  const ChannelBytes weight = channel_bytes(weight_);
  const at::Tensor exact = plain((wide(bytes) - scale.zero) * scale.step,
                                 wide(weight.bytes) * wide(weight.steps).view({-1, 1, 1, 1}), wide(bias_), 1);
  expect_near(AmxConv(weight, bias_, scale, at::kFloat), bytes, exact, at::kFloat, 1e-6);
  expect_near(AmxConv(weight, bias_, scale, at::kBFloat16), bytes, exact, at::kBFloat16, 6e-3);
}

TEST_P(AmxConvTest, TakesWhatComesBeforeItInTheSamePass) {
  const int64_t stride = GetParam().stride, channels = GetParam().in;
  const at::Tensor gain = at::randn({channels}), shift = at::randn({channels});
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = (x_ * 3 + 1).to(dtype), weight = weight_.to(dtype);
    const GroupNormTerms norm = group_norm_terms(x, 8, gain, shift);
    const at::Tensor normed = at::silu(at::group_norm(wide(x), 8, wide(gain), wide(shift), 1e-6));
    const at::Tensor exact = plain(normed, wide(weight), wide(bias_), stride);
    EXPECT_LT(difference(AmxConv(weight, bias_, stride).forward(x, norm), exact), dtype == at::kFloat ? 2e-6 : 1e-2);
    if (stride != 1 || channels % 64 != 0) continue;
    const ByteScale scale = byte_scale(normed.min().item<double>(), normed.max().item<double>());
    const at::Tensor of_bytes = AmxConv(channel_bytes(weight_), bias_, scale, dtype).forward(x, norm);
    EXPECT_EQ(of_bytes.scalar_type(), dtype);
    EXPECT_LT(difference(of_bytes, plain(normed, wide(weight_), wide(bias_), stride)), 3e-2);
  }
}

TEST_P(AmxConvTest, DoesNotDependOnTheNumberOfThreads) {
  const AmxConv conv(weight_, bias_, GetParam().stride);
  const int threads = at::get_num_threads();
  const at::Tensor y = conv.forward(x_);
  at::set_num_threads(1);
  const at::Tensor of_one = conv.forward(x_);
  at::set_num_threads(threads);
  EXPECT_TRUE(at::equal(y, of_one));
}

INSTANTIATE_TEST_SUITE_P(Sizes, AmxConvTest,
                         testing::Values(Case{64, 32, 3, 1, 7, 32}, Case{64, 64, 3, 1, 19, 101},
                                         Case{32, 96, 3, 1, 3, 40}, Case{128, 32, 1, 1, 5, 33},
                                         Case{64, 32, 3, 2, 16, 64}, Case{32, 64, 3, 2, 9, 131},
                                         Case{256, 32, 3, 1, 9, 250}));

TEST(AmxConv, LeavesOtherSizesAndGradients) {
  if (!has_amx()) GTEST_SKIP() << "this CPU has no AMX";
  EXPECT_FALSE(AmxConv::fits(at::randn({24, 32, 3, 3})));
  EXPECT_FALSE(AmxConv::fits(at::randn({32, 3, 3, 3})));
  EXPECT_FALSE(AmxConv::fits(at::randn({32, 32, 5, 5})));
  EXPECT_FALSE(AmxConv::fits(at::zeros({32, 32, 3, 3}, at::kChar)));
  const AmxConv conv(at::randn({32, 32, 3, 3}), at::randn({32}), 1);
  EXPECT_FALSE(conv.takes(at::randn({1, 32, 40, 40})));  // it would not be differentiated
  const at::NoGradGuard no_gradient;
  EXPECT_TRUE(conv.takes(at::randn({1, 32, 40, 40})));
  EXPECT_FALSE(conv.takes(at::randn({1, 32, 40, 31})));
  EXPECT_FALSE(conv.takes(at::randn({1, 32, 40, 40}).to(at::kBFloat16)));
  EXPECT_THROW(conv.forward(at::randn({1, 64, 40, 40})), c10::ValueError);
  EXPECT_THROW(conv.forward(at::randn({1, 32, 40, 40}), {}, at::randn({1, 32, 40, 39})), c10::ValueError);
}

}  // namespace
}  // namespace physgen
