#include <physgen/policy/controller.h>

#include <gtest/gtest.h>

#include <limits>

#include <physgen/policy/action_sampler.h>
#include <physgen/vae/frame_encoder.h>

#include "core/random.h"
#include "device/compute_device.h"
#include "policy/controller_fixture.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"

namespace physgen {
namespace {

class ControllerTest : public testing::Test {
 protected:
  ControllerTest() { save_random_policy(path_, config_); }

  std::shared_ptr<const Policy> load(bool imagines = false) const {
    return Policy::load(path_, {.device = test_device_name(), .imagines = imagines});
  }

  // The actions of some rounds, all of which are executed.
  static std::vector<Matrix> rounds(Controller& controller, int64_t count) {
    std::vector<Matrix> answers;
    Matrix executed;
    for (int64_t i = 0; i < count; ++i) {
      answers.push_back(controller.act({.views = {picture(10 + i)}, .state = {}}, executed));
      executed = answers.back();
    }
    return answers;
  }

  // The last of the answers is what the model gives for a window that begins with round `first`, whose actions are then
  // Begin-of-Action as in training.
  void expect_window(const std::vector<Matrix>& answers, size_t first) const {
    LoadedPolicy policy = load_policy(path_);
    FrameEncoder encoder(policy.vae, test_device(), best_dtype(test_device()));
    std::vector<at::Tensor> latents, actions;
    for (size_t i = first; i < answers.size(); ++i) {
      const Image frame = picture(10 + i);
      latents.push_back(encoder.encode(at::tensor(frame.pixels, at::kByte).view({1, 16, 16, 3}))[0].cpu());
      const Matrix before = config_.actions.normalize(answers[i - 1]);
      actions.push_back(at::tensor(std::vector<float>(before.data(), before.data() + before.size())).view({4, 3}));
    }
    torch::NoGradGuard no_grad;
    const PackInputs inputs{at::stack(latents).unsqueeze(0), at::stack(actions).unsqueeze(0), {}};
    const Conditions conditions = policy.model->forward(inputs, policy.model->encode_text({"push it"}));
    const at::Tensor condition = policy.model->head_condition(conditions).select(1, inputs.latents.size(1) - 1);
    const at::Tensor noise = at::randn({1, 8, 3}, generator(mixed_seed(7, Stream::rollout, answers.size() - 1)));
    const at::Tensor sampled = ActionSampler(policy.model, Sampler::ddim, 10).sample(condition, noise)[0];
    const Matrix got = config_.actions.normalize(answers.back());
    for (int64_t i = 0; i < 4; ++i) {
      for (int64_t j = 0; j < 3; ++j) EXPECT_NEAR(got(i, j), sampled[i][j].item<float>(), 1e-4) << i << " " << j;
    }
  }

  PolicyConfig config_ = tiny_policy_config();
  TemporaryFolder folder_;
  std::string path_ = folder_ / "policy";
};

TEST_F(ControllerTest, TheSameSeedGivesTheSameActionsForTheSameFrames) {
  Controller one(load()), other(load());
  one.reset("push it", 7);
  other.reset("push it", 8);
  const std::vector<Matrix> first = rounds(one, 5);
  EXPECT_EQ(first.front().rows(), config_.model.codec.chunk);
  EXPECT_FALSE(first.front().isApprox(rounds(other, 1).front()));
  one.reset("push it", 7);
  EXPECT_EQ(rounds(one, 5), first);
}

// A full window begins anew with its second pack.
TEST_F(ControllerTest, ASlidWindowIsTheWindowThatBeginsLater) {
  Controller controller(load());
  controller.reset("push it", 7);
  expect_window(rounds(controller, 4), 1);
}

// Of three packs one stays, with which the window grows again.
TEST_F(ControllerTest, ARestartedWindowBeginsWithItsNewestHalf) {
  Controller controller(load(), {.when_full = "restart"});
  controller.reset("push it", 7);
  const std::vector<Matrix> answers = rounds(controller, 7);
  expect_window({answers.begin(), answers.begin() + 4}, 2);
  expect_window({answers.begin(), answers.begin() + 5}, 2);
  expect_window({answers.begin(), answers.begin() + 6}, 4);
  expect_window(answers, 4);
  controller.reset("push it", 7);
  EXPECT_EQ(rounds(controller, 7), answers);
}

TEST_F(ControllerTest, RefusesWhatItCannotLeaveOut) {
  EXPECT_EQ(problem_of<ConfigError>([&] { Controller(load(), {.when_full = "forget"}); }).got, "\"forget\"");
  EXPECT_EQ(problem_of<ConfigError>([&] { Controller(load(), {.when_full = "ring"}); }).got,
            "ring with absolute positions");
}

TEST_F(ControllerTest, ASamplerThatWouldNotBeUsedIsRefused) {
  config_.model.head.objective = Objective::flow_matching;
  const std::string path = folder_ / "flow_matching";
  save_random_policy(path, config_);
  const auto policy = Policy::load(path, {.device = test_device_name()});
  EXPECT_EQ(problem_of<ConfigError>([&] { Controller(policy, {.sampler = "ddpm"}); }).got, "ddpm");
  const Controller euler(policy, {.sampler = "ddim"});  // Euler's method
  for (const Objective objective : {Objective::flow_matching, Objective::discrete}) {
    config_.model.head.objective = objective;
    config_.model.head.sampler = Sampler::dpm_solver;
    EXPECT_EQ(problem_of<ConfigError>([&] { check_sizes(config_.model, "model"); }).where, "model.head.sampler");
  }
}

// Of the rows that the round before predicted, too, the older prediction counts by 1 and the newer by exp(-0.01).
TEST_F(ControllerTest, AnEnsembleAveragesWhatSeveralRoundsPredicted) {
  Controller plain(load(), {.execute = 2, .lookahead = "none"});
  Controller ensemble(load(), {.execute = 2, .lookahead = "ensemble"});
  plain.reset("push it", 7);
  ensemble.reset("push it", 7);
  const Observation first{.views = {picture(10)}, .state = {}}, next{.views = {picture(11)}, .state = {}};
  const Matrix older = plain.act(first, {});
  EXPECT_EQ(ensemble.act(first, {}), older);
  const Matrix executed = older.topRows(2), newer = plain.act(next, executed);
  const float weight = std::exp(-0.01f);
  const Matrix expected = (older.bottomRows(2) + weight * newer.topRows(2)) / (1 + weight);
  const Matrix answer = ensemble.act(next, executed);
  EXPECT_LT((answer.topRows(2) - expected).cwiseAbs().maxCoeff(), 1e-5);
  EXPECT_GT((answer.topRows(2) - newer.topRows(2)).cwiseAbs().maxCoeff(), 1e-2);
}

TEST_F(ControllerTest, ImaginesTheNextFrameWithoutChangingWhatItDoes) {
  Controller plain(load()), imagining(load(true));
  plain.reset("push it", 7);
  imagining.reset("push it", 7);
  const Matrix expected = rounds(plain, 1).front();
  EXPECT_EQ(rounds(imagining, 1).front(), expected);
  const Image first = imagining.imagine();
  EXPECT_EQ(first.height, 16);
  EXPECT_EQ(first.width, 16);
  EXPECT_EQ(imagining.imagine(), first);
  const Observation next{.views = {picture(11)}, .state = {}};
  EXPECT_EQ(imagining.act(next, expected), plain.act(next, expected));
  EXPECT_NE(imagining.imagine(), first);
}

TEST_F(ControllerTest, ACudaGraphGivesTheBitsOfItsOperations) {
  if (!test_device().is_cuda()) GTEST_SKIP() << "there are CUDA graphs on GPUs alone: set PHYSGEN_TEST_DEVICE=cuda";
  for (const char* lookahead : {"none", "warm_start", "ensemble"}) {
    Controller graphs(load(), {.lookahead = lookahead});
    Controller operations(load(), {.lookahead = lookahead, .cuda_graphs = false});
    for (const int64_t count : {2, 7, 7, 7, 4, 7}) {  // graphs are recorded in the second episode, past the window too
      graphs.reset("push it", static_cast<uint64_t>(count));
      operations.reset("push it", static_cast<uint64_t>(count));
      EXPECT_EQ(rounds(graphs, count), rounds(operations, count)) << lookahead << " " << count;
    }
  }
}

TEST_F(ControllerTest, ActsAlikeInBfloat16) {
  Controller single(Policy::load(path_, {.device = test_device_name(), .precision = "float32"}));
  Controller half(Policy::load(path_, {.device = test_device_name(), .precision = "bfloat16"}));
  single.reset("push it", 7);
  half.reset("push it", 7);
  const Matrix a = rounds(single, 1).front(), b = rounds(half, 1).front();
  EXPECT_NE(a, b);
  EXPECT_LT((config_.actions.normalize(a) - config_.actions.normalize(b)).cwiseAbs().maxCoeff(), 0.2);
  EXPECT_EQ(
      problem_of<ConfigError>([&] { Policy::load(path_, {.device = test_device_name(), .precision = "half"}); }).got,
      "\"half\"");
}

TEST_F(ControllerTest, RefusesNumbersOutOfRange) {
  EXPECT_EQ(problem_of<ConfigError>([&] { Controller(load(), {.denoising_steps = 1001}); }).where, "denoising_steps");
  EXPECT_EQ(problem_of<ConfigError>([&] { Controller(load(), {.execute = 5}); }).expected, "1 to 4, or 0: as trained");
}

TEST_F(ControllerTest, RefusesPicturesAndNumbersThatAreNone) {
  Controller controller(load());
  controller.reset("push it", 0);
  Image torn = picture(1);
  torn.pixels.pop_back();
  EXPECT_EQ(problem_of<Error>([&] { controller.act({.views = {torn}, .state = {}}, {}); }).where, "render_camera");
  const Observation seen{.views = {picture(1)}, .state = {}};
  Matrix executed = controller.act(seen, {}).topRows(4);
  executed(1, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(problem_of<Error>([&] { controller.act(seen, executed); }).what, "the executed actions are not finite");
  executed(1, 1) = 0;
  controller.act(seen, executed);  // nothing was lost
}

TEST_F(ControllerTest, AnInstructionThatIsRefusedLeavesNoEpisode) {
  Controller controller(load());
  const Observation seen{.views = {picture(1)}, .state = {}};
  controller.reset("push it", 0);
  controller.act(seen, {});
  problem_of<ConfigError>([&] { controller.reset(std::string(10000, 'x'), 0); });
  EXPECT_EQ(problem_of<Error>([&] { controller.act(seen, Matrix::Zero(4, 3)); }).got, "no call of reset");
}

TEST_F(ControllerTest, ActionsThatAreNotFiniteAreNotGiven) {
  LoadedPolicy spoiled = load_policy(path_);
  {
    const at::NoGradGuard no_gradient;
    spoiled.model->action_head->output->weight.fill_(std::numeric_limits<float>::quiet_NaN());
  }
  const std::string path = folder_ / "spoiled";
  save_policy(path, spoiled.config, state_dict(*spoiled.model), state_dict(*spoiled.vae));
  Controller controller(Policy::load(path, {.device = test_device_name()}));
  controller.reset("push it", 0);
  const Observation seen{.views = {picture(1)}, .state = {}};
  EXPECT_EQ(problem_of<Error>([&] { controller.act(seen, {}); }).got, "NaN or infinity");
}

TEST_F(ControllerTest, SaysWhatACallLacks) {
  Controller controller(load());
  const auto act = [&](const Observation& seen, const Matrix& executed) {
    return problem_of<Error>([&] { controller.act(seen, executed); });
  };
  const Observation seen{.views = {picture(1)}, .state = {}};
  EXPECT_EQ(act(seen, {}).got, "no call of reset");
  EXPECT_EQ(problem_of<Error>([&] { controller.imagine(); }).what, "the policy has seen nothing yet");
  controller.reset("push it", 0);
  EXPECT_EQ(act({.views = {picture(1), picture(2)}, .state = {}}, {}).got, "2 pictures");
  controller.act(seen, {});
  EXPECT_EQ(act(seen, {}).got, "0");
  EXPECT_EQ(act(seen, {}).expected, "4");
  EXPECT_EQ(problem_of<Error>([&] { controller.imagine(); }).next_step, "set PolicyOptions::imagines");
}

}  // namespace
}  // namespace physgen
