#include "kernels/checked_kernel.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "kernels/amx.h"
#include "kernels/group_norm_silu.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

using State = KernelReport::State;

at::Tensor plain(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias, bool silu) {
  const at::Tensor y = at::group_norm(x, groups, weight.to(x.scalar_type()), bias.to(x.scalar_type()), 1e-6);
  return silu ? at::silu(y) : y;
}

at::Tensor fused(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias, bool silu) {
  return group_norm_silu(x, groups, weight, bias, silu);
}

/// As a loop that forgets the values that fill no whole vector.
at::Tensor wrong_at_the_end(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                            bool silu) {
  at::Tensor y = plain(x, groups, weight, bias, silu).clone();
  y.select(0, -1).select(1, -1).select(1, -1).narrow(0, -3, 3).zero_();
  return y;
}

at::Tensor wrong_in_bfloat16(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                             bool silu) {
  const at::Tensor y = plain(x, groups, weight, bias, silu);
  return x.scalar_type() == at::kBFloat16 ? y * 1.05 : y;
}

at::Tensor wrong_in_its_gradient(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                                 bool silu) {
  const at::Tensor y = plain(x, groups, weight, bias, silu);
  return y + 0.01 * (y - y.detach());
}

at::Tensor not_a_number(const at::Tensor& x, int64_t groups, const at::Tensor& weight, const at::Tensor& bias,
                        bool silu) {
  return plain(x, groups, weight, bias, silu) / 0.0;
}

at::Tensor failing(const at::Tensor&, int64_t, const at::Tensor&, const at::Tensor&, bool) {
  throw std::runtime_error("no such instruction\nand a backtrace");
}

/// What a checked kernel computes of some frames.
at::Tensor result_of(const CheckedKernel& kernel) {
  const at::Tensor x = at::linspace(-3, 5, 2 * 8 * 5 * 3).view({2, 8, 5, 3}).contiguous(at::MemoryFormat::ChannelsLast);
  return kernel.form()(x, 2, at::linspace(0.5, 2, 8), at::linspace(-1, 1, 8), /*silu=*/true);
}

at::Tensor plain_result() { return result_of(CheckedKernel(&plain, &plain, KernelSetting::on)); }

TEST(CheckedKernel, TheHandWrittenFormServesWhereItComputesTheSame) {
  const CheckedKernel kernel(&fused, &plain, KernelSetting::on);
  EXPECT_EQ(kernel.report().state, State::used) << kernel.report().problem;
  EXPECT_EQ(kernel.report().problem, "");
  EXPECT_EQ(kernel.form(), &fused);
  const at::Tensor expected = plain_result();
  EXPECT_LT((result_of(kernel) - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
}

TEST(CheckedKernel, OneThatDiffersStepsAsideAndSaysWhere) {
  const std::vector<std::pair<GroupNormForm, std::string>> kernels = {{&wrong_at_the_end, "float32"},
                                                                      {&wrong_in_bfloat16, "bfloat16"},
                                                                      {&wrong_in_its_gradient, "float32"},
                                                                      {&not_a_number, "float32"}};
  for (const auto& [form, dtype] : kernels) {
    const CheckedKernel kernel(form, &plain, KernelSetting::on);
    EXPECT_EQ(kernel.report().state, State::set_aside);
    EXPECT_NE(kernel.report().problem.find("greatest number in " + dtype), std::string::npos)
        << kernel.report().problem;
    EXPECT_TRUE(at::equal(result_of(kernel), plain_result()));
  }
}

TEST(CheckedKernel, OneThatThrowsStepsAside) {
  const CheckedKernel kernel(&failing, &plain, KernelSetting::on);
  EXPECT_EQ(kernel.report().problem, "fails in float32: no such instruction");
  EXPECT_TRUE(at::equal(result_of(kernel), plain_result()));
}

TEST(CheckedKernel, OffItIsNotEvenTried) {
  const CheckedKernel kernel(&failing, &plain, KernelSetting::off);
  EXPECT_EQ(kernel.report().state, State::off);
  EXPECT_EQ(kernel.report().problem, "");
  EXPECT_TRUE(at::equal(result_of(kernel), plain_result()));
}

TEST(CheckedKernel, TheCheckLeavesTheModesAndTheRandomNumbersOfTheProgram) {
  at::manual_seed(3);
  const at::Tensor expected = at::rand({4});
  at::manual_seed(3);
  {
    const c10::InferenceMode inference;
    EXPECT_EQ(CheckedKernel(&fused, &plain, KernelSetting::on).report().state, State::used);
    EXPECT_TRUE(c10::InferenceMode::is_enabled());
  }
  EXPECT_TRUE(at::equal(at::rand({4}), expected));
}

TEST(CheckedKernel, WhatIsSetAsideIsToldOfInOneLine) {
  std::vector<std::string> lines;
  tell_of_kernels([&](const std::string& line) { lines.push_back(line); });
  for (GroupNormForm form : {&fused, &failing}) warn_of(CheckedKernel(form, &plain, KernelSetting::on).report());
  tell_of_kernels({});
  ASSERT_EQ(lines.size(), 1);
  EXPECT_EQ(lines[0].find('\n'), std::string::npos);
  EXPECT_NE(lines[0].find("fails in float32: no such instruction"), std::string::npos) << lines[0];
}

TEST(KernelSetting, ReadsTheEnvironmentsText) {
  EXPECT_EQ(kernel_setting(nullptr), KernelSetting::on);
  EXPECT_EQ(kernel_setting(""), KernelSetting::on);
  EXPECT_EQ(kernel_setting("on"), KernelSetting::on);
  EXPECT_EQ(kernel_setting("off"), KernelSetting::off);
  const Problem problem = problem_of<ConfigError>([] { kernel_setting("of"); });
  EXPECT_EQ(problem.where, "PHYSGEN_KERNELS");
  EXPECT_EQ(problem.got, "\"of\"");
  EXPECT_EQ(problem.expected, "one of on, off");
}

TEST(KernelReport, SaysWhichKernelsThisProcessUses) {
  const std::vector<KernelReport> reports = kernel_reports();
  ASSERT_EQ(reports.size(), has_amx() ? 4 : 3);
  EXPECT_EQ(reports[0].names, "group_norm_silu and its gradient");
  EXPECT_EQ(reports[1].names, "few rows: product, attention, norm");
  EXPECT_EQ(reports[2].names,
            std::string("training: norms, attention, activations") + (has_amx() ? ", products (AMX)" : ""));
  if (has_amx()) {
    EXPECT_EQ(reports[3].names, "convolutions (AMX)");
  }
  for (const KernelReport& report : reports) {
    EXPECT_EQ(report.problem, "");
    EXPECT_FALSE(report.instruction_set.empty());
  }
}

}  // namespace
}  // namespace physgen
