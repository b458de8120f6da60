#include <gtest/gtest.h>

#include <limits>

#include <physgen/policy/policy_checkpoint.h>
#include <physgen/train/trainer.h>

#include "support/problem_of.h"
#include "train/run_files.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

// A policy whose every loss is NaN.
std::string spoiled_policy(const TinyRun& tiny) {
  const FinetuneJob job = tiny.job("spoiled");
  run(job);
  LoadedPolicy policy = load_policy(job.out + "/best");
  const at::NoGradGuard no_gradient;
  policy.model->action_head->parameters()[0].fill_(std::numeric_limits<float>::quiet_NaN());
  save_policy(job.out + "/nan", policy.config, state_dict(*policy.model), state_dict(*policy.vae));
  return job.out + "/nan";
}

TEST(NonFinite, ALossThatIsNotFiniteStopsTheRunAndNamesItsWindows) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.init = spoiled_policy(tiny);
  job.config.mode = TrainMode::full;
  job.config.non_finite = NonFinite::stop;
  const Problem problem = problem_of<Error>([&] { run(job); });
  EXPECT_NE(problem.where.find("step 1, windows"), std::string::npos) << problem.where;
  EXPECT_NE(problem.where.find("push.h5:traj_"), std::string::npos) << problem.where;
  EXPECT_NE(problem.got.find("nan"), std::string::npos) << problem.got;
}

TEST(NonFinite, StepsThatAreNotFiniteAreSkippedAndTooManyInARowEndTheRun) {
  const TinyRun tiny;
  FinetuneJob job = tiny.job("run");
  job.init = spoiled_policy(tiny);
  job.config.mode = TrainMode::full;
  job.config.steps = 20;
  job.config.evaluate_every = 20;
  const Problem problem = problem_of<Error>([&] { run(job); });
  EXPECT_NE(problem.got.find("10 such steps in a row"), std::string::npos) << problem.got;
  const auto steps = metrics_of(job, "step");
  ASSERT_EQ(steps.size(), 9u);
  EXPECT_TRUE(steps[0]["skipped"].get<bool>());
  const auto before = weights_of(job.init), after = weights_of(job.out + "/step-00000009");
  for (const auto& [name, tensor] : after) EXPECT_TRUE(at::allclose(tensor, before.at(name), 0, 0, true)) << name;
}

}  // namespace
}  // namespace physgen
