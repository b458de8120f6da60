#include <gtest/gtest.h>

#include <physgen/files/manifest.h>
#include <physgen/policy/policy_checkpoint.h>

#include "release/nova_release.h"
#include "support/problem_of.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

const std::string kRelease = PHYSGEN_SOURCE_DIR "/tests/golden/nova_absolute_ddpm";

FinetuneJob job_from_release(const TinyRun& tiny, const std::string& out) {
  FinetuneJob job = tiny.job(out);
  job.init = "nova:" + kRelease;
  job.vae.clear();
  job.config.steps = 2;
  job.config.lora_rank = 2;
  return job;
}

TEST(PretrainedStart, TakesTheBackboneTheVaeAndWhatTheTextEncoderSays) {
  const TinyRun tiny;
  const TrainingResult result = run(job_from_release(tiny, "run"));
  const LoadedPolicy policy = load_policy(result.best);
  EXPECT_EQ(policy.config.canvas.height, 64);
  EXPECT_EQ(policy.config.canvas.width, 96);
  EXPECT_EQ(policy.config.model.text_encoder, TextEncoder::table);
  EXPECT_EQ(policy.config.model.text_table, std::vector<std::string>{"push it"});
  EXPECT_FALSE(policy.config.model.backbone.motion_tokens);

  const PretrainedFiles files = open_nova_release(kRelease);
  const NamedTensors own = state_dict(*policy.model->nova);  // adapters beside them, the weights untouched
  const std::map<std::string, at::Tensor> by_name(own.begin(), own.end());
  for (const auto& [name, tensor] : files.backbone) {
    EXPECT_TRUE(at::equal(by_name.at(name), tensor.to(at::kFloat))) << name;
  }
  const Pretrained model = load_pretrained(files, at::kFloat);
  const TextFeatures expected = model.encode({"push it"});
  const TextFeatures kept = PhysGenModel(policy.model)->encode_text({"push it"});
  EXPECT_TRUE(at::equal(kept.used, expected.used));
  EXPECT_TRUE(at::allclose(kept.values, expected.values * expected.used.unsqueeze(-1)));
}

TEST(PretrainedStart, GoesOnWhereItWasBrokenOff) {
  const TinyRun tiny;
  FinetuneJob job = job_from_release(tiny, "whole");
  const std::string whole = run(job).last;
  job.out = tiny.path("broken");
  run(job, 1);
  job.resume = true;
  const std::string resumed = run(job).last;
  EXPECT_EQ(sha256_of_file(whole + "/model.safetensors"), sha256_of_file(resumed + "/model.safetensors"));
}

TEST(PretrainedStart, WithoutATextEncoderSaysHowToDoWithout) {
  const TinyRun tiny;
  const std::filesystem::path own = tiny.path("backbone");
  PretrainedFiles files = open_nova_release(kRelease);
  files.config.has_text_encoder = false;
  save_pretrained(own, files);
  FinetuneJob job = job_from_release(tiny, "run");
  job.init = own;
  EXPECT_EQ(problem_of<ConfigError>([&] { run(job); }).next_step, "pass --set model.text_encoder=none");
  job.config.model.text_encoder = TextEncoder::none;
  EXPECT_EQ(run(job).step, 2);
}

}  // namespace
}  // namespace physgen
