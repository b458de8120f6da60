#include <physgen/policy/round_batcher.h>

#include <gtest/gtest.h>

#include <barrier>
#include <chrono>
#include <random>
#include <thread>

#include <physgen/policy/controller.h>

#include "core/stopwatch.h"
#include "policy/controller_fixture.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/test_device.h"

namespace physgen {
namespace {

constexpr double kForever = 3'600'000;  // milliseconds
constexpr const char* kInstructions[] = {"push it", "pull it to the left"};

/// An episode as a controller of its own drove it.
struct Recording {
  std::string instruction;
  uint64_t seed;
  std::vector<Observation> seen;
  std::vector<Matrix> executed, answers;
};

Observation observation_of(const PolicyConfig& config, uint64_t number) {
  Observation seen;
  for (size_t i = 0; i < config.canvas.cameras.size(); ++i) seen.views.push_back(picture(10 * number + i));
  for (int64_t i = 0; i < config.model.codec.state_width; ++i) {
    seen.state.push_back(static_cast<float>(std::sin(static_cast<double>(number) + static_cast<double>(i))));
  }
  return seen;
}

/// A policy on the disk, and episodes of it.
class Recorded {
 public:
  Recorded(const PolicyConfig& config, const std::vector<ControllerOptions>& options, int64_t rounds)
      : config_(config), options_(options) {
    save_random_policy(folder_ / "policy", config);
    policy = Policy::load(folder_ / "policy", {.device = test_device_name(), .precision = "float32"});
    for (size_t session = 0; session < 4; ++session) {
      for (uint64_t episode = 0; episode < 2; ++episode) record(session, episode, rounds);
    }
  }

  const ControllerOptions& options_of(size_t session) const { return options_[session % options_.size()]; }
  Controller controller(size_t session, const std::shared_ptr<RoundBatcher>& batcher) const {
    ControllerOptions options = options_of(session);
    options.batcher = batcher;
    return Controller(policy, options);
  }

  std::shared_ptr<const Policy> policy;
  std::vector<Recording> episodes[4];  // of each session

 private:
  void record(size_t session, uint64_t episode, int64_t rounds) {
    Controller controller(policy, options_of(session));
    Recording recording{kInstructions[(session + episode) % 2], 10 * session + episode, {}, {}, {}};
    controller.reset(recording.instruction, recording.seed);
    Matrix executed;
    for (int64_t round = 0; round < rounds; ++round) {
      recording.seen.push_back(observation_of(config_, 100 * recording.seed + static_cast<uint64_t>(round)));
      recording.executed.push_back(executed);
      recording.answers.push_back(controller.act(recording.seen.back(), executed));
      const int64_t execute = options_of(session).execute;
      executed = recording.answers.back().topRows(execute > 0 ? execute : policy->execute());
    }
    episodes[session].push_back(recording);
  }

  PolicyConfig config_;
  std::vector<ControllerOptions> options_;
  TemporaryFolder folder_;
};

// The controller's answer in this round is the recorded one.
void expect_answer(Controller& controller, const Recording& recording, size_t round) {
  const Matrix answer = controller.act(recording.seen[round], recording.executed[round]);
  EXPECT_LE((answer - recording.answers[round]).cwiseAbs().maxCoeff(), 1e-5f)
      << "seed " << recording.seed << " round " << round;
}

struct Variant {
  const char* name;
  void (*change)(PolicyConfig& config) = [](PolicyConfig&) {};
  std::vector<ControllerOptions> options = {{}};  // of the sessions in turn
};

class BatchedRounds : public testing::TestWithParam<Variant> {};

// Session s begins s rounds after the first, so that rounds of windows of all lengths, full ones too, come together.
TEST_P(BatchedRounds, GiveWhatEachControllerGivesAlone) {
  PolicyConfig config = tiny_policy_config();
  GetParam().change(config);
  constexpr size_t kRounds = 7;  // of a window of 3 packs
  const Recorded recorded(config, GetParam().options, kRounds);
  const auto batcher = std::make_shared<RoundBatcher>(recorded.policy, RoundBatcherOptions{kForever});
  std::barrier round_begins(4);
  const auto drive = [&](size_t session) {
    Controller controller = recorded.controller(session, batcher);
    for (size_t tick = 0; tick < 2 * kRounds + session; ++tick) {
      const bool acts = tick >= session;
      const size_t episode = acts ? (tick - session) / kRounds : 0, round = acts ? (tick - session) % kRounds : 0;
      const Recording& recording = recorded.episodes[session][episode];
      if (acts && round == 0) controller.reset(recording.instruction, recording.seed);
      round_begins.arrive_and_wait();
      if (acts) expect_answer(controller, recording, round);
      round_begins.arrive_and_wait();
    }
    round_begins.arrive_and_drop();
  };
  {
    std::vector<std::jthread> sessions;
    for (size_t session = 0; session < 4; ++session) sessions.emplace_back([&, session] { drive(session); });
  }
  const RoundBatcher::Counts counts = batcher->counts();
  EXPECT_EQ(counts.batched + counts.alone, 4 * 2 * static_cast<int64_t>(kRounds));
  EXPECT_EQ(counts.alone, 2);  // the first and the last
  EXPECT_EQ(counts.batches, 2 * static_cast<int64_t>(kRounds) + 1);
}

void use_rope(PolicyConfig& config) {
  config.model.backbone.position = Position::rope;
  config.model.backbone.width = 64;
}

void use_state(PolicyConfig& config) {
  config.model.codec.state_token = true;
  config.states = {{-1, -1, -1, -1, -1}, {1, 1, 1, 1, 1}};
}

INSTANTIATE_TEST_SUITE_P(
    Variants, BatchedRounds,
    testing::Values(
        Variant{"exact"}, Variant{"rope", use_rope},
        Variant{"stem", [](PolicyConfig& config) { config.model.codec.stem_channels = 3; }},
        Variant{"ring",
                [](PolicyConfig& config) {
                  use_rope(config);
                  config.model.when_full = WhenFull::ring;
                }},
        Variant{"ring_with_a_mixer",
                [](PolicyConfig& config) {
                  use_rope(config);
                  config.model.when_full = WhenFull::ring;
                  config.model.backbone.mixer_rank = 4;
                }},
        Variant{"restart", [](PolicyConfig& config) { config.model.when_full = WhenFull::restart; }},
        Variant{"restart_with_a_mixer",
                [](PolicyConfig& config) {
                  config.model.when_full = WhenFull::restart;
                  config.model.backbone.mixer_rank = 4;
                }},
        Variant{"mixer", [](PolicyConfig& config) { config.model.backbone.mixer_rank = 4; }},
        Variant{"state", use_state},
        Variant{"two_cameras",
                [](PolicyConfig& config) {
                  config.canvas.cameras = {"base_camera", "hand_camera"};
                }},
        Variant{"no_text", [](PolicyConfig& config) { config.model.text_encoder = TextEncoder::none; }},
        Variant{"actions_as_condition",
                [](PolicyConfig& config) { config.model.head.condition = HeadCondition::actions; }},
        Variant{"lookahead_none", [](PolicyConfig&) {}, {{.execute = 2, .lookahead = "none"}}},
        Variant{"warm_start", [](PolicyConfig&) {}, {{.execute = 2, .lookahead = "warm_start"}}},
        Variant{"ensemble", [](PolicyConfig&) {}, {{.execute = 2, .lookahead = "ensemble"}}},
        Variant{"ddpm", [](PolicyConfig&) {}, {{.sampler = "ddpm"}}},
        Variant{"ddpm_from_a_start", [](PolicyConfig&) {}, {{.sampler = "ddpm", .lookahead = "warm_start"}}},
        Variant{"dpm_solver", [](PolicyConfig&) {}, {{.sampler = "dpm_solver"}}},
        Variant{"flow_matching", [](PolicyConfig& config) { config.model.head.objective = Objective::flow_matching; }},
        Variant{"discrete", [](PolicyConfig& config) { config.model.head.objective = Objective::discrete; }},
        Variant{"controllers_that_differ",
                [](PolicyConfig&) {},
                {{.sampler = "ddim"},
                 {.sampler = "ddpm", .execute = 2},
                 {.denoising_steps = 4, .lookahead = "ensemble"},
                 {.execute = 2, .lookahead = "warm_start", .when_full = "restart"}}}),
    [](const auto& variant) { return std::string(variant.param.name); });

class RoundBatcherOfSeveral : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Controllers, RoundBatcherOfSeveral, testing::Values(1, 4), testing::PrintToStringParamName());

TEST_P(RoundBatcherOfSeveral, TakesRoundsAsTheyCome) {
  constexpr size_t kRounds = 6;
  const Recorded recorded(tiny_policy_config(), {{}, {.sampler = "ddpm", .lookahead = "warm_start"}}, kRounds);
  const auto batcher = std::make_shared<RoundBatcher>(recorded.policy, RoundBatcherOptions{1, GetParam(), 2});
  const auto drive = [&](size_t session) {
    std::mt19937 random(static_cast<uint32_t>(session));
    const auto rest = [&] { std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000)); };
    for (int turn = 0; turn < 5; ++turn) {
      Controller controller = recorded.controller(session, batcher);
      for (const Recording& recording : recorded.episodes[session]) {
        controller.reset(recording.instruction, recording.seed);
        const size_t rounds = 1 + random() % kRounds;
        for (size_t round = 0; round < rounds; ++round) {
          rest();
          expect_answer(controller, recording, round);
        }
      }
      rest();
    }
  };
  std::vector<std::jthread> sessions;
  for (size_t session = 0; session < 4; ++session) sessions.emplace_back([&, session] { drive(session); });
}

TEST(RoundBatcher, LosesNoMoreThanTheStatedTimeToARobotThatIsSlow) {
  constexpr double kWait = 200;
  const Recorded recorded(tiny_policy_config(), {{}}, 2);
  const auto batcher = std::make_shared<RoundBatcher>(recorded.policy, RoundBatcherOptions{kWait});
  Controller quick = recorded.controller(0, batcher), slow = recorded.controller(1, batcher);
  const Recording& recording = recorded.episodes[0][0];
  quick.reset(recording.instruction, recording.seed);
  expect_answer(quick, recording, 0);  // the other has not begun: nothing is waited for
  slow.reset("push it", 1);
  const Stopwatch stopwatch;
  expect_answer(quick, recording, 1);
  EXPECT_GE(stopwatch.milliseconds(), 0.9 * kWait);
  EXPECT_LT(stopwatch.milliseconds(), 10 * kWait);  // with a machine that is busy
  EXPECT_EQ(batcher->counts().alone, 2);
}

TEST(RoundBatcher, DoesNotWaitForARobotThatIsGone) {
  const Recorded recorded(tiny_policy_config(), {{}}, 1);
  const auto batcher = std::make_shared<RoundBatcher>(recorded.policy, RoundBatcherOptions{kForever});
  const Recording& recording = recorded.episodes[0][0];
  Controller stays = recorded.controller(0, batcher);
  auto goes = std::make_unique<Controller>(recorded.controller(1, batcher));
  stays.reset(recording.instruction, recording.seed);
  goes->reset("push it", 1);
  std::jthread asks([&] { expect_answer(stays, recording, 0); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(batcher->counts().alone, 0);
  goes.reset();
}

TEST(RoundBatcher, FailsTheOneAloneThatAsksForWhatCannotBeComputed) {
  const Recorded recorded(tiny_policy_config(), {{}}, 2);
  const auto batcher = std::make_shared<RoundBatcher>(recorded.policy, RoundBatcherOptions{kForever});
  Controller right = recorded.controller(0, batcher), wrong = recorded.controller(1, batcher);
  const Recording &first = recorded.episodes[0][0], &second = recorded.episodes[1][0];
  right.reset(first.instruction, first.seed);
  wrong.reset(second.instruction, second.seed);
  const auto fails = [&](const Observation& seen, const Matrix& executed) {
    problem_of<Error>([&] { wrong.act(seen, executed); });
  };
  std::jthread asks([&] {
    expect_answer(right, first, 0);
    expect_answer(right, first, 1);
  });
  fails({.views = {}, .state = {}}, {});
  fails({.views = {picture(1), picture(2)}, .state = {}}, {});
  expect_answer(wrong, second, 0);
  fails(second.seen[1], Matrix::Zero(1, 3));
  expect_answer(wrong, second, 1);
  asks.join();
  EXPECT_EQ(batcher->counts().batched, 4);
}

TEST(RoundBatcher, EndsWhenItsLastOwnerLetsGo) {
  const Recorded recorded(tiny_policy_config(), {{}}, 1);
  for (int turn = 0; turn < 20; ++turn) {
    auto batcher = std::make_shared<RoundBatcher>(recorded.policy);
    const std::weak_ptr<RoundBatcher> watched = batcher;
    {
      std::vector<std::jthread> sessions;
      for (size_t session = 0; session < 4; ++session) {
        sessions.emplace_back([&recorded, session, batcher] {
          Controller controller = recorded.controller(session, batcher);
          const Recording& recording = recorded.episodes[session][0];
          controller.reset(recording.instruction, recording.seed);
          expect_answer(controller, recording, 0);
        });
      }
      batcher.reset();
    }
    EXPECT_TRUE(watched.expired());
  }
}

// Two batches at a time: what is computed in the one is not waited for in the other.
TEST(RoundBatcher, ComputesAsManyBatchesAsTheThreadsCan) {
  constexpr size_t kRounds = 40;
  const Recorded recorded(tiny_policy_config(), {{}}, kRounds);
  const auto batcher = std::make_shared<RoundBatcher>(recorded.policy, RoundBatcherOptions{kForever, 4, 2});
  std::barrier begun(4);
  {
    std::vector<std::jthread> sessions;
    for (size_t session = 0; session < 4; ++session) {
      sessions.emplace_back([&, session] {
        Controller controller = recorded.controller(session, batcher);
        const Recording& recording = recorded.episodes[session][0];
        controller.reset(recording.instruction, recording.seed);
        begun.arrive_and_wait();
        for (size_t round = 0; round < kRounds; ++round) expect_answer(controller, recording, round);
      });
    }
  }
  const RoundBatcher::Counts counts = batcher->counts();
  EXPECT_EQ(counts.batched + counts.alone, 4 * static_cast<int64_t>(kRounds));
  EXPECT_GE(counts.batches, static_cast<int64_t>(kRounds));  // four rounds in two at least
}

TEST(RoundBatcher, RefusesAControllerOfAnotherPolicy) {
  const Recorded one(tiny_policy_config(), {{}}, 0), other(tiny_policy_config(), {{}}, 0);
  const auto batcher = std::make_shared<RoundBatcher>(one.policy);
  const Problem problem = problem_of<Error>([&] { other.controller(0, batcher); });
  EXPECT_EQ(problem.where, "ControllerOptions::batcher");
}

}  // namespace
}  // namespace physgen
