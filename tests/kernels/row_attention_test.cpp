#include "kernels/row_attention.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "kernels/agreement.h"

namespace physgen {
namespace {

constexpr int64_t kHeads = 3, kWidth = 24;
constexpr double kHeadWidth = 8;

at::Tensor triangle(int64_t length) {
  return at::full({length, length}, -std::numeric_limits<double>::infinity(), at::kDouble).triu(1);
}

at::Tensor expected_of(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask) {
  const auto by_head = [](const at::Tensor& x) { return x.unflatten(2, {kHeads, -1}).transpose(1, 2); };
  at::Tensor scores = at::matmul(by_head(q), by_head(k).transpose(2, 3)) / std::sqrt(kHeadWidth);
  if (mask.defined()) scores = scores + mask;
  return at::matmul(at::softmax(scores, -1), by_head(v)).transpose(1, 2).flatten(2);
}

class RowAttentionTest : public testing::TestWithParam<at::ScalarType> {
 protected:
  RowAttentionTest() { at::manual_seed(1); }

  at::Tensor values(at::IntArrayRef sizes) const {
    return at::randn(sizes, at::kDouble).to(GetParam()).set_requires_grad(true);
  }
  static at::Tensor truth_of(const at::Tensor& given) { return given.detach().to(at::kDouble).set_requires_grad(true); }
  void expect_equal(const at::Tensor& expected, const std::vector<at::Tensor>& truth, const at::Tensor& got,
                    const std::vector<at::Tensor>& given) const {
    const double tolerance = GetParam() == at::kBFloat16 ? 2e-2 : 4e-6;
    EXPECT_EQ(got.scalar_type(), GetParam());
    EXPECT_LT(difference(got, expected), tolerance);
    const at::Tensor gradient = at::randn(expected.sizes(), at::kDouble).to(GetParam());
    const auto right = torch::autograd::grad({expected}, truth, {gradient.to(at::kDouble)});
    const auto ours = torch::autograd::grad({got}, given, {gradient});
    for (size_t i = 0; i < right.size(); ++i) EXPECT_LT(difference(ours[i], right[i]), 2 * tolerance) << i;
  }
};

TEST_P(RowAttentionTest, RowsThatSeeEachOtherEqualPyTorchsOperatorsAndTheirGradients) {
  for (const at::Tensor& mask : {at::Tensor(), triangle(37)}) {
    const at::Tensor given = values({2, 37, 3 * kWidth}), truth = truth_of(given);
    const auto parts = truth.chunk(3, 2);
    expect_equal(expected_of(parts[0], parts[1], parts[2], mask), {truth}, attend_rows(given, kHeads, mask), {given});
  }
}

TEST_P(RowAttentionTest, RowsThatSeeOthersEqualPyTorchsOperatorsAndTheirGradients) {
  const at::Tensor queries = values({4, 10, kWidth}), others = values({4, 7, 2 * kWidth});
  const std::vector<at::Tensor> truth = {truth_of(queries), truth_of(others)};
  const auto parts = truth[1].chunk(2, 2);
  expect_equal(expected_of(truth[0], parts[0], parts[1], {}), truth, attend_other_rows(queries, others, kHeads),
               {queries, others});
}

TEST_P(RowAttentionTest, WhatIsMaskedIsNotSeen) {
  const at::Tensor given = values({1, 20, 3 * kWidth}).detach();
  const at::Tensor before = attend_rows(given, kHeads, triangle(20));
  given.narrow(1, 19, 1).fill_(1e4);
  const at::Tensor after = attend_rows(given, kHeads, triangle(20));
  EXPECT_TRUE(at::equal(before.narrow(1, 0, 19), after.narrow(1, 0, 19)));
  EXPECT_FALSE(at::equal(before, after));
}

INSTANTIATE_TEST_SUITE_P(Types, RowAttentionTest, testing::Values(at::kFloat, at::kBFloat16));

}  // namespace
}  // namespace physgen
