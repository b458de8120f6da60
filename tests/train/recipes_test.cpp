#include <gtest/gtest.h>

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/vae_trainer.h>

#include "train/tiny_run.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

const fs::path kConfigs = PHYSGEN_SOURCE_DIR "/configs";
const std::string kRelease = PHYSGEN_SOURCE_DIR "/tests/golden/nova_absolute_ddpm";

template <class Config>
Config shipped(const std::string& name) {
  return ConfigDocument::compose(kConfigs / name).read<Config>();
}

/// The canvas, in latents of the VAE, is what the backbone takes.
void expect_to_fit(const FinetuneConfig& config, const VaeConfig& vae, const std::string& name) {
  const PolicyConfig policy{.model = config.model, .vae = vae, .canvas = config.canvas};
  EXPECT_NO_THROW(check(config)) << name;
  EXPECT_NO_THROW(check_sizes(policy, name)) << name;
}

TEST(Recipes, EveryConfigReadsAndItsPartsGoTogether) {
  const VaeConfig small = shipped<VaeConfig>("vae/small.json");
  int64_t runs = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(kConfigs)) {
    const std::string name = entry.path().filename();
    if (name.ends_with("_vae.json")) {
      const auto config = shipped<VaeTrainConfig>(name);
      EXPECT_NO_THROW(check(config.vae)) << name;
      EXPECT_EQ(write_config(config.vae), write_config(small)) << name;
      ++runs;
    } else if (name.ends_with(".json")) {
      const bool full_size = name.find("_nova_") != std::string::npos;
      expect_to_fit(shipped<FinetuneConfig>(name), full_size ? VaeConfig{} : small, name);
      ++runs;
    }
  }
  EXPECT_EQ(runs, 11);
  for (const fs::directory_entry& entry : fs::directory_iterator(kConfigs / "model")) {
    const std::string name = "model" / entry.path().filename();
    if (name == "model/nova_osp480.json") {
      EXPECT_EQ(write_config(shipped<NovaConfig>(name)), write_config(NovaConfig{}));
    } else {
      EXPECT_NO_THROW(check_sizes(shipped<ModelConfig>(name), name)) << name;
    }
  }
}

TEST(Recipes, RunsThatDifferInOneThingDifferInThatAlone) {
  auto pretraining = shipped<FinetuneConfig>("maniskill_pretrain.json");
  EXPECT_FALSE(pretraining.loss.action);
  pretraining.loss.action = true;
  EXPECT_EQ(write_config(pretraining), write_config(shipped<FinetuneConfig>("maniskill_finetune.json")));
  EXPECT_EQ(write_config(pretraining.model), write_config(shipped<ModelConfig>("model/small.json")));
}

/// The run that a recipe describes, on a tiny release and tiny demonstrations.
class PaperRecipe : public testing::Test {
 protected:
  FinetuneJob job_of(const std::string& recipe, const std::vector<std::string>& cameras) const {
    DemonstrationSketch sketch = TinyRun::sketch();
    sketch.cameras = cameras;
    sketch.steps = {60, 12, 9};
    tiny_.write_demonstrations(tiny_.data(), sketch);
    FinetuneJob job = tiny_.job("run");
    ConfigDocument document = ConfigDocument::compose(kConfigs / recipe);
    for (const char* smaller : {"model.head.width=16", "model.head.depth=1", "model.head.heads=2", "steps=2", "batch=2",
                                "accumulation=2", "threads=1", "held_out=0.25", "evaluation_windows=1"}) {
      document.set(smaller);
    }
    job.config = document.read<FinetuneConfig>();
    job.init = "nova:" + kRelease;
    job.vae.clear();
    return job;
  }

  static void expect_recipe(const FinetuneConfig& config) {
    EXPECT_EQ(config.mode, TrainMode::lora);
    EXPECT_EQ(config.batch, 32);
    EXPECT_EQ(config.loss.timesteps, 4);
    EXPECT_EQ(config.ema_decay, 0.999);
    EXPECT_EQ(config.precision, Precision::automatic);
    EXPECT_EQ(config.optimizer.learning_rate.shape, LearningRateShape::constant);
    EXPECT_EQ(config.optimizer.learning_rate.peak, 1e-4);
    EXPECT_EQ(config.optimizer.learning_rate.warm_up_steps, 1000);
    EXPECT_EQ(config.canvas.height, 480);
    EXPECT_EQ(config.canvas.width, 768);
    EXPECT_EQ(config.model.layout().frame, 360);
    EXPECT_EQ(config.model.layout().length(config.model.packs), 2096);
  }

  static void expect_policy(const PolicyConfig& policy) {
    EXPECT_EQ(policy.step, 2);
    EXPECT_EQ(policy.adapter.rank, 32);
    EXPECT_EQ(policy.adapter.alpha, 32);
    EXPECT_EQ(policy.model.packs, 5);
    EXPECT_EQ(policy.model.codec.chunk, 8);
    EXPECT_EQ(policy.model.head.chunks, 3);
    EXPECT_EQ(policy.model.head.objective, Objective::epsilon);
    EXPECT_EQ(policy.model.head.sampler, Sampler::ddim);
    EXPECT_EQ(policy.model.head.denoising_steps, 10);
    EXPECT_EQ(policy.model.text_encoder, TextEncoder::table);
  }

  TinyRun tiny_;
};

TEST_F(PaperRecipe, OfManiSkillTrainsFromARelease) {
  const std::string recipe = "maniskill_nova_finetune.json";
  expect_recipe(shipped<FinetuneConfig>(recipe));
  const FinetuneJob job = job_of(recipe, {"render_camera"});
  EXPECT_EQ(job.config.normalization, Normalization::min_max);
  const PolicyConfig policy = load_policy(run(job).last).config;
  expect_policy(policy);
  EXPECT_EQ(policy.canvas.cameras, std::vector<std::string>{"render_camera"});
  EXPECT_FLOAT_EQ(static_cast<float>(policy.actions.high[0]), 5.9f);  // the last of 60
}

TEST_F(PaperRecipe, OfLiberoSeesBothCamerasSideBySide) {
  const std::string recipe = "libero_nova_finetune.json";
  const std::vector<std::string> cameras = {"agentview", "eye_in_hand"};
  expect_recipe(shipped<FinetuneConfig>(recipe));
  const FinetuneJob job = job_of(recipe, cameras);
  EXPECT_EQ(job.config.normalization, Normalization::quantile);
  const PolicyConfig policy = load_policy(run(job).last).config;
  expect_policy(policy);
  EXPECT_EQ(policy.canvas.cameras, cameras);
  EXPECT_LT(policy.actions.high[0], 5.9);
}

}  // namespace
}  // namespace physgen
