#include "kernels/row_kernels.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "kernels/agreement.h"
#include "kernels/row_check.h"

namespace physgen {
namespace {

at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }

/// Queries, keys, heads and the width of one; such as do not fill tiles and vectors, too.
using Sizes = std::tuple<int64_t, int64_t, int64_t, int64_t>;
class AttendHeadsTest : public testing::TestWithParam<Sizes> {};

TEST_P(AttendHeadsTest, EqualsPyTorchsAttentionOfPartsOfRows) {
  const auto& [queries, keys, heads, width] = GetParam();
  at::manual_seed(3);
  const auto split = [h = heads](const at::Tensor& x) { return x.unflatten(2, {h, -1}).transpose(1, 2); };
  const at::Tensor q = split(at::randn({2, queries, heads * width}) * 3), kv = at::randn({2, keys, 2 * heads * width});
  const at::Tensor k = split(kv.narrow(2, 0, heads * width)), v = split(kv.narrow(2, heads * width, heads * width));
  const at::Tensor hidden = at::rand({queries, keys}) < 0.3;
  hidden.select(1, 0).fill_(false);
  const double infinity = std::numeric_limits<double>::infinity();
  for (const at::Tensor& mask : {at::Tensor(), at::zeros({queries, keys}).masked_fill(hidden, -infinity)}) {
    const at::Tensor none = at::zeros({queries, keys});
    const at::Tensor seen =
        at::scaled_dot_product_attention(wide(q), wide(k), wide(v), wide(mask.defined() ? mask : none));
    EXPECT_LT(difference(attend_heads(q, k, v, mask), seen.transpose(1, 2).flatten(2)), 2e-6) << mask.defined();
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, AttendHeadsTest,
                         testing::Values(Sizes{24, 24, 4, 32}, Sizes{1, 1, 1, 1}, Sizes{5, 17, 3, 20},
                                         Sizes{24, 8, 4, 33}, Sizes{30, 140, 2, 48}));

TEST(AddNorm, EqualsPyTorchsOperators) {
  at::manual_seed(3);
  for (const int64_t width : {1, 7, 16, 192}) {
    const at::Tensor x = at::randn({3, 11, width}) + 5, residual = at::randn({3, 11, width});
    const at::Tensor weight = at::randn({width}), bias = at::randn({width});
    const at::Tensor expected = wide(residual) + at::layer_norm(wide(x), {width}, wide(weight), wide(bias), 1e-5);
    EXPECT_LT(difference(add_norm(residual, x, weight, bias, 1e-5), expected), 5e-6) << width;
  }
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const RowWork& work) {
  return PackedLinear(weight, bias).forward(x, work);
}

at::Tensor forgetful(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const RowWork& work) {
  at::Tensor y = product(x, weight, bias, work);
  y[-1][-1] = 0;
  return y;
}

at::Tensor curved_wrongly(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const RowWork& work) {
  return work.gelu ? product(x, weight, bias, work) / 0.0 * 0.0 : product(x, weight, bias, work);
}

at::Tensor failing(const at::Tensor&, const at::Tensor&, const at::Tensor&, const at::Tensor&) {
  throw std::runtime_error("no such instruction\nand a backtrace");
}

at::Tensor unfinished(const at::Tensor& residual, const at::Tensor&, const at::Tensor&, const at::Tensor&, double) {
  return residual / 0.0;
}

TEST(RowKernels, StepAsideWhereOneDiffersOrFails) {
  using State = KernelReport::State;
  const auto check = [](const RowForms& forms) { return check_rows(forms, KernelSetting::on); };
  EXPECT_EQ(check({product, attend_heads, add_norm}).state, State::used);
  EXPECT_EQ(check({forgetful, attend_heads, add_norm}).state, State::set_aside);
  EXPECT_EQ(check({forgetful, attend_heads, add_norm}).problem.substr(0, 11), "product off");
  EXPECT_EQ(check({curved_wrongly, attend_heads, add_norm}).state, State::set_aside);
  EXPECT_EQ(check({product, failing, add_norm}).problem, "attention fails: no such instruction");
  EXPECT_EQ(check({product, attend_heads, unfinished}).problem.substr(0, 8), "norm off");
  EXPECT_EQ(check_rows({forgetful, failing, unfinished}, KernelSetting::off).state, State::off);
}

TEST(RowKernels, TakeWhatNeedsNoGradient) {
  const at::Tensor x = at::randn({2, 3});
  EXPECT_FALSE(takes_rows(x));
  const at::NoGradGuard no_gradient;
  EXPECT_EQ(takes_rows(x), rows_serve());
  EXPECT_FALSE(takes_rows(x.to(at::kBFloat16)));
}

}  // namespace
}  // namespace physgen
