#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

#include <physgen/layers/initialization.h>
#include <physgen/layers/transformer_block.h>

namespace physgen {
namespace {

TransformerBlock make_block() {
  TransformerBlock block(16, 2);
  initialize(*block, at::make_generator<at::CPUGeneratorImpl>(3));
  return block;
}

at::Tensor triangle(int64_t n) { return at::full({n, n}, -std::numeric_limits<float>::infinity()).triu(1); }

TEST(TransformerBlock, NormalisesEachBranchBeforeItIsAdded) {
  TransformerBlock block = make_block();
  at::Tensor x = at::randn({1, 5, 16});
  at::Tensor y = block->norm1->forward(block->attn->forward(x)) + x;
  EXPECT_TRUE(at::allclose(block->forward(x), block->norm2->forward(block->mlp->forward(y)) + y));
}

TEST(TransformerBlock, GivesWithoutGradientsWhatItGivesWithThemPackedToo) {
  TransformerBlock block = make_block();
  const at::Tensor x = at::randn({2, 7, 16}), mask = triangle(7);
  const at::Tensor expected = block->forward(x, mask);
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(at::allclose(block->forward(x, mask), expected, 1e-5, 1e-5));
  for (LoraLinear linear : {block->attn->qkv, block->attn->proj, block->mlp->fc1, block->mlp->fc2}) linear->pack();
  EXPECT_TRUE(at::allclose(block->forward(x, mask), expected, 1e-5, 1e-5));
  const at::Tensor rows = block->forward(x, mask, {}, nullptr, {{0, 2}, {6, 1}});
  EXPECT_TRUE(at::allclose(rows, rows_of(expected, {{0, 2}, {6, 1}}, 1), 1e-5, 1e-5));
}

TEST(TransformerBlock, GivesWithACacheWhatItGivesWithout) {
  TransformerBlock block = make_block();
  torch::NoGradGuard no_grad;
  at::Tensor x = at::randn({2, 7, 16}), mask = triangle(7);
  at::Tensor whole = block->forward(x, mask);
  KvCache cache({2, 2, 7, 8}, x.options());
  at::Tensor first = block->forward(x.narrow(1, 0, 4), mask.narrow(0, 0, 4).narrow(1, 0, 4), {}, &cache);
  at::Tensor rest = block->forward(x.narrow(1, 4, 3), mask.narrow(0, 4, 3), {}, &cache);
  EXPECT_TRUE(at::allclose(at::cat({first, rest}, 1), whole, 1e-4, 1e-5));
}

// Two windows of three rows behind four others in their caches, and one of five without a cache.
TEST(TransformerBlock, GivesWindowsOfSeveralLengthsWhatItGivesEachAlone) {
  TransformerBlock block = make_block();
  torch::NoGradGuard no_grad;
  const at::Tensor before = at::randn({1, 4, 16}), two = at::randn({2, 3, 16}), one = at::randn({1, 5, 16});
  const at::Tensor mask = triangle(5);
  const auto filled = [&] {
    KvCache cache({1, 2, 7, 8}, before.options());
    block->forward(before, {}, {}, &cache);
    return cache;
  };
  KvCache alone[] = {filled(), filled()}, together[] = {filled(), filled()};
  const std::vector<AttentionGroup> groups = {{2, 3, {}, {}, {&together[0], &together[1]}}, {1, 5, mask, {}, {}}};
  const at::Tensor rows = block->forward(at::cat({two.flatten(0, 1), one[0]}), groups);
  for (int64_t i = 0; i < 2; ++i) {
    const at::Tensor expected = block->forward(two.narrow(0, i, 1), {}, {}, &alone[i])[0];
    EXPECT_TRUE(at::allclose(rows.narrow(0, 3 * i, 3), expected, 1e-5, 1e-6)) << i;
    EXPECT_EQ(together[i].length(), 7);
  }
  EXPECT_TRUE(at::allclose(rows.narrow(0, 6, 5), block->forward(one, mask)[0], 1e-5, 1e-6));
}

TEST(Attend, GivesInTrainingTheOutputsAndGradientsOfPyTorch) {
  at::Tensor q = at::randn({2, 3, 5, 8}).requires_grad_(), k = at::randn({2, 3, 5, 8}).requires_grad_();
  at::Tensor v = at::randn({2, 3, 5, 8}).requires_grad_(), weights = at::randn({2, 3, 5, 8});
  const auto gradients = [&](const at::Tensor& y) { return torch::autograd::grad({(y * weights).sum()}, {q, k, v}); };
  for (const at::Tensor& mask : {at::zeros({5, 5}), triangle(5)}) {
    at::Tensor ours = attend(q, k, v, mask);
    at::Tensor theirs = at::scaled_dot_product_attention(q, k, v, mask);
    EXPECT_TRUE(at::allclose(ours, theirs, 1e-4, 1e-5));
    const auto got = gradients(ours), expected = gradients(theirs);
    for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(at::allclose(got[i], expected[i], 1e-4, 1e-5)) << i;
  }
}

TEST(KvCache, RefusesMoreThanItHolds) {
  KvCache cache({1, 1, 4, 2}, at::kFloat);
  at::Tensor three = at::ones({1, 1, 3, 2});
  cache.append(three, three);
  EXPECT_THROW(cache.append(three, three), c10::ValueError);
  EXPECT_EQ(cache.length(), 3);
}

TEST(KvCache, EvictsFromTheMiddle) {
  KvCache cache({1, 1, 6, 1}, at::kFloat);
  at::Tensor values = at::arange(6, at::kFloat).view({1, 1, 6, 1});
  cache.append(values, values);
  cache.evict(1, 2);
  at::Tensor none = at::empty({1, 1, 0, 1});
  EXPECT_TRUE(at::equal(cache.append(none, none).first.flatten(), at::tensor({0.f, 3.f, 4.f, 5.f})));
}

}  // namespace
}  // namespace physgen
