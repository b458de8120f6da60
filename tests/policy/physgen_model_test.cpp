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
};

ModelConfig config_of(const Variant& variant) {
  ModelConfig config = tiny_model_config();
  config.backbone.position = variant.position;
  if (variant.position == Position::rope) config.backbone.width = 64;
  config.backbone.mixer_rank = variant.mixer_rank;
  config.codec.state_token = variant.state_token;
  config.codec.execute = variant.execute;
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
                                         Variant{"short_execution", Position::absolute, false, 0, 2}),
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
}

}  // namespace
}  // namespace physgen
