#include "kernels/packed_linear.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "kernels/agreement.h"
#include "kernels/amx.h"

namespace physgen {
namespace {

/// Rows, inputs and outputs; such as do not fill tiles, vectors and panels, too.
using Sizes = std::tuple<int64_t, int64_t, int64_t>;
class PackedLinearTest : public testing::TestWithParam<Sizes> {};

TEST_P(PackedLinearTest, EqualsPyTorchsOperators) {
  const auto& [rows, in, out] = GetParam();
  at::manual_seed(3);
  const at::Tensor x = at::randn({rows, in}), weight = at::randn({out, in}), bias = at::randn({out});
  const at::Tensor gain = at::randn({in}), shift = at::randn({in}), residual = at::randn({rows, out});
  const at::Tensor gate = at::randn({out});
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
  const PackedLinear packed(weight, bias);
  const at::Tensor plain = at::linear(wide(x), wide(weight), wide(bias));
  EXPECT_LT(difference(packed.forward(x), plain), 2e-6);
  EXPECT_LT(difference(PackedLinear(weight, {}).forward(x), at::linear(wide(x), wide(weight))), 2e-6);
  EXPECT_LT(difference(packed.forward(x, {.gelu = true}), at::gelu(plain)), 2e-6);
  EXPECT_LT(difference(packed.forward(x, {.residual = residual}), wide(residual) + plain), 2e-6);
  EXPECT_LT(difference(packed.forward(x, {.residual = residual, .gate = gate}), wide(residual) + wide(gate) * plain),
            2e-6);
  const at::Tensor normed = at::layer_norm(wide(x), {in}, wide(gain), wide(shift), 1e-6);
  EXPECT_LT(difference(packed.forward(x, {.gain = gain, .shift = shift}), at::linear(normed, wide(weight), wide(bias))),
            4e-6);
}

TEST_P(PackedLinearTest, InBfloat16WhereTheCpuMultipliesIt) {
  const auto& [rows, in, out] = GetParam();
  at::manual_seed(4);
  const auto rounded = [](const at::Tensor& x) { return x.to(at::kBFloat16); };
  const at::Tensor x = rounded(at::randn({rows, in})), weight = rounded(at::randn({out, in})),
                   bias = rounded(at::randn({out}));
  const PackedLinear packed(weight, bias);
  EXPECT_FALSE(packed.takes(x));  // a gradient may be asked for
  const at::NoGradGuard no_gradient;
  ASSERT_EQ(packed.takes(x), fits_amx(in, out));
  EXPECT_FALSE(packed.takes(x.to(at::kFloat)));
  if (!packed.takes(x)) return;
  const at::Tensor plain = at::linear(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble));
  EXPECT_LT(difference(packed.forward(x), plain), 4e-3);
  EXPECT_LT(difference(packed.forward(x, {.gelu = true}), at::gelu(plain)), 4e-3);
}

INSTANTIATE_TEST_SUITE_P(Sizes, PackedLinearTest,
                         testing::Values(Sizes{24, 128, 384}, Sizes{1, 7, 5}, Sizes{11, 33, 65}, Sizes{8, 16, 32},
                                         Sizes{50, 192, 40}, Sizes{300, 192, 96}));

}  // namespace
}  // namespace physgen
