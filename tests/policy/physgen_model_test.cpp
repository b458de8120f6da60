#include <gtest/gtest.h>

#include "support/tiny_model.h"

namespace physgen {
namespace {

struct Variant {
  const char* name;
  Position position = Position::absolute;
  bool state_token = false;
  int64_t mixer_rank = 0;
  int64_t execute = 4;
  int64_t stem_channels = 0;
};

ModelConfig config_of(const Variant& variant) {
  ModelConfig config = tiny_model_config();
  config.backbone.position = variant.position;
  if (variant.position == Position::rope) config.backbone.width = 64;
  config.backbone.mixer_rank = variant.mixer_rank;
  config.codec.state_token = variant.state_token;
  config.codec.execute = variant.execute;
  config.codec.stem_channels = variant.stem_channels;
  return config;
}

class Model : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    config_ = config_of(GetParam());
    model_ = make_model(config_);
    model_->eval();
    text_ = model_->encode_text({"push it"});
  }

  // All outputs of the packs, [P, pack, C].
  at::Tensor outputs(const PackInputs& inputs) {
    Conditions conditions = model_->forward(inputs, text_);
    return at::cat({conditions.frames, conditions.others}, 2)[0];
  }

  static bool differ(const at::Tensor& a, const at::Tensor& b) { return !at::allclose(a, b, 1e-5, 1e-6); }

  torch::NoGradGuard no_grad_;
  ModelConfig config_;
  PhysGenModel model_{nullptr};
  TextFeatures text_;
};

TEST_P(Model, ChangingAFrameReachesItsPackAndLaterOnesOnly) {
  PackInputs inputs = make_inputs(config_, 1);
  at::Tensor before = outputs(inputs);
  inputs.latents = inputs.latents.clone();
  inputs.latents[0][1] += 1;
  at::Tensor after = outputs(inputs);
  EXPECT_FALSE(differ(after[0], before[0]));
  for (int64_t p = 1; p < config_.packs; ++p) {
    for (int64_t k = 0; k < after.size(1); ++k) EXPECT_TRUE(differ(after[p][k], before[p][k])) << p << " " << k;
  }
}

TEST_P(Model, ChangingAnActionReachesLaterActionsOfItsChunkButNotItsFrame) {
  PackInputs inputs = make_inputs(config_, 1);
  at::Tensor before = outputs(inputs);
  inputs.actions = inputs.actions.clone();
  inputs.actions[0][1][1] += 0.5;
  at::Tensor after = outputs(inputs);
  const int64_t first_action = config_.layout().frame + config_.layout().state;
  for (int64_t k = 0; k < after.size(1); ++k) {
    EXPECT_EQ(differ(after[1][k], before[1][k]), k >= first_action + 1) << k;
  }
  EXPECT_FALSE(differ(after[0], before[0]));
  EXPECT_TRUE(differ(after[2][0], before[2][0]));
}

TEST_P(Model, DoesNotReadTheActionsOfPackZeroNorThoseThatAreNotExecuted) {
  PackInputs inputs = make_inputs(config_, 1);
  at::Tensor before = outputs(inputs);
  inputs.actions = inputs.actions.clone();
  inputs.actions.select(1, 0) += 1;
  inputs.actions.narrow(2, config_.codec.execute, config_.codec.chunk - config_.codec.execute) += 1;
  EXPECT_TRUE(at::equal(outputs(inputs), before));
}

TEST_P(Model, GivesWithCachesWhatItGivesWithout) {
  PackInputs inputs = make_inputs(config_, 1);
  at::Tensor whole = model_->head_condition(model_->forward(inputs, text_));
  std::vector<KvCache> caches = model_->make_caches(1);
  at::Tensor anchor;
  for (int64_t p = 0; p < config_.packs; ++p) {
    PackInputs one{inputs.latents.narrow(1, p, 1), inputs.actions.narrow(1, p, 1), {}};
    if (inputs.states.defined()) one.states = inputs.states.narrow(1, p, 1);
    at::Tensor condition = model_->head_condition(model_->append(one, text_, p, caches, anchor));
    EXPECT_TRUE(at::allclose(condition.select(1, 0), whole.select(1, p), 1e-4, 1e-5)) << p;
  }
}

// Of a window that begins, and of one that goes on behind its first pack.
TEST_P(Model, ComputesTheNewestPackAsAmongAllOthers) {
  const PackInputs all = make_inputs(config_, 1);
  const Conditions whole = model_->forward(all, text_);
  std::vector<KvCache> none, caches = model_->make_caches(1);
  at::Tensor anchor, other;
  const auto expect_newest = [&](const Conditions& got) {
    EXPECT_TRUE(at::allclose(got.frames, whole.frames.narrow(1, config_.packs - 1, 1), 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(got.others, whole.others.narrow(1, config_.packs - 1, 1), 1e-5, 1e-5));
  };
  expect_newest(model_->append(all, text_, 0, none, anchor, OutputPacks::newest));
  const auto part = [&](int64_t from, int64_t packs) {
    PackInputs inputs{all.latents.narrow(1, from, packs), all.actions.narrow(1, from, packs), {}};
    if (all.states.defined()) inputs.states = all.states.narrow(1, from, packs);
    return inputs;
  };
  model_->append(part(0, 1), text_, 0, caches, other, OutputPacks::newest);
  EXPECT_EQ(anchor.defined(), config_.backbone.mixer_rank != 0);
  EXPECT_TRUE(!anchor.defined() || at::allclose(anchor, other, 1e-5, 1e-5));
  expect_newest(model_->append(part(1, config_.packs - 1), text_, 1, caches, other, OutputPacks::newest));
}

// Two windows that begin, one that goes on behind its first pack, and a whole one that keeps nothing.
TEST_P(Model, GivesGroupsOfWindowsWhatItGivesEachAlone) {
  const PackInputs all = make_inputs(config_, 4);
  const auto part = [&](int64_t first, int64_t count, int64_t from, int64_t packs) {
    const auto cut = [&](const at::Tensor& x) { return x.narrow(0, first, count).narrow(1, from, packs); };
    PackInputs inputs{cut(all.latents), cut(all.actions), {}};
    if (all.states.defined()) inputs.states = cut(all.states);
    return inputs;
  };
  std::vector<std::vector<KvCache>> alone, together;
  for (int i = 0; i < 3; ++i) {
    alone.push_back(model_->make_caches(1));
    together.push_back(model_->make_caches(1));
  }
  at::Tensor anchors[3], anchor;
  model_->append(part(2, 1, 0, 1), text_, 0, alone[2], anchors[2]);
  model_->append(part(2, 1, 0, 1), text_, 0, together[2], anchor);
  std::vector<WindowGroup> groups(3);
  groups[0] = {part(0, 2, 0, 1), model_->encode_text({"push it", "push it"}), 0, {&together[0], &together[1]}, {}};
  groups[1] = {part(2, 1, 1, 1), {}, 1, {&together[2]}, anchor};
  groups[2] = {part(3, 1, 0, config_.packs), text_, 0, {}, {}};
  const std::vector<Conditions> conditions = model_->append(groups);
  const auto expect_same = [&](const Conditions& got, int64_t place, const Conditions& expected) {
    EXPECT_TRUE(at::allclose(got.frames.narrow(0, place, 1), expected.frames, 1e-5, 1e-5)) << place;
    EXPECT_TRUE(at::allclose(got.others.narrow(0, place, 1), expected.others, 1e-5, 1e-5)) << place;
  };
  for (int64_t i = 0; i < 2; ++i) {
    expect_same(conditions[0], i, model_->append(part(i, 1, 0, 1), text_, 0, alone[i], anchors[i]));
    if (!anchors[i].defined()) continue;  // without a mixer
    EXPECT_TRUE(at::allclose(groups[0].anchor.narrow(0, i, 1), anchors[i], 1e-5, 1e-5)) << i;
  }
  expect_same(conditions[1], 0, model_->append(part(2, 1, 1, 1), text_, 1, alone[2], anchors[2]));
  expect_same(conditions[2], 0, model_->forward(part(3, 1, 0, config_.packs), text_));
}

TEST_P(Model, ReadsTheInstruction) {
  PackInputs inputs = make_inputs(config_, 1);
  at::Tensor before = outputs(inputs);
  text_ = model_->encode_text({"pull it"});
  EXPECT_TRUE(differ(outputs(inputs), before));
}

INSTANTIATE_TEST_SUITE_P(Variants, Model,
                         testing::Values(Variant{"absolute"}, Variant{"rope", Position::rope},
                                         Variant{"state", Position::absolute, true},
                                         Variant{"rope_state_mixer", Position::rope, true, 4},
                                         Variant{"mixer", Position::absolute, false, 4},
                                         Variant{"short_execution", Position::absolute, false, 0, 2},
                                         Variant{"stem", Position::absolute, false, 0, 4, 3}),
                         [](const auto& variant) { return std::string(variant.param.name); });

TEST(PrepareTraining, LoraFreezesAllOfNovaButTheAdapters) {
  PhysGenModel model = make_model(tiny_model_config());
  prepare_training(model, TrainMode::lora, 2, 2.0);
  int64_t adapters = 0;
  for (const auto& item : model->named_parameters()) {
    const bool adapter = item.key().find(".lora_") != std::string::npos;
    const bool nova = item.key().starts_with("nova.");
    EXPECT_EQ(item.value().requires_grad(), adapter || !nova) << item.key();
    adapters += adapter;
  }
  EXPECT_EQ(adapters, 2 * 4 * (2 + 2));  // A and B of 4 layers in 2 + 2 blocks
}

TEST(PrepareTraining, MergedAdaptersGiveTheSameOutputs) {
  const ModelConfig config = tiny_model_config();
  PhysGenModel model = make_model(config);
  prepare_training(model, TrainMode::lora, 2, 2.0);
  torch::NoGradGuard no_grad;
  for (auto& item : model->named_parameters()) {
    if (item.key().ends_with("lora_b")) item.value().normal_(0, 0.1);
  }
  TextFeatures text = model->encode_text({"push it"});
  at::Tensor adapted = model->forward(make_inputs(config, 1), text).frames;
  merge_adapters(model);
  EXPECT_TRUE(at::allclose(model->forward(make_inputs(config, 1), text).frames, adapted, 1e-4, 1e-5));
  prepare_training(model, TrainMode::full, 0, 0);
  for (const auto& item : model->named_parameters()) EXPECT_TRUE(item.value().requires_grad()) << item.key();
}

}  // namespace
}  // namespace physgen
