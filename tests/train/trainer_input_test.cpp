#include <physgen/train/trainer.h>

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include <physgen/policy/policy_checkpoint.h>

#include "support/problem_of.h"
#include "train/tiny_run.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

// Bad input is found before the output folder is touched.
class TrainerInput : public testing::Test {
 protected:
  template <class Kind>
  Problem refusal(const FinetuneJob& job) {
    const Problem problem = problem_of<Kind>([&] { run(job); });
    EXPECT_FALSE(fs::exists(job.out)) << job.out;
    return problem;
  }

  // A trained policy to start from.
  FinetuneJob continued(const std::string& out) {
    const FinetuneJob first = tiny_.job("first");
    if (!fs::exists(first.out)) run(first);
    FinetuneJob job = tiny_.job(out);
    job.init = first.out + "/best";
    job.vae.clear();
    return job;
  }

  FinetuneJob with_data(FinetuneJob job, const DemonstrationSketch& sketch) {
    const std::string file = tiny_.path("special") / "special.h5";
    tiny_.write_demonstrations(file, sketch);
    job.data = {file};
    return job;
  }

  TinyRun tiny_;
};

TEST_F(TrainerInput, DemonstrationsThatAreNotThereAreRefused) {
  FinetuneJob job = tiny_.job("run");
  job.data = {tiny_.path("nowhere").string()};
  const Problem problem = refusal<ConfigError>(job);
  EXPECT_NE(problem.where.find("nowhere"), std::string::npos);
  job.data.clear();
  EXPECT_EQ(refusal<ConfigError>(job).next_step, "pass --data FILE_OR_DIR");
}

TEST_F(TrainerInput, ActionsAreConvertedToTheControlModeThatIsAskedFor) {
  FinetuneJob job = tiny_.job("run");
  job.config.control_mode = "pd_ee_delta_pose";
  EXPECT_EQ(refusal<ConfigError>(job).got, "pd_joint_pos to pd_ee_delta_pose");
  job.config.control_mode = "pd_joint_target_delta_pos";
  const PolicyConfig policy = read_policy_config(run(job).best);
  EXPECT_EQ(policy.control_mode, "pd_joint_target_delta_pos");
  EXPECT_EQ(policy.frames_per_second, 20);
  EXPECT_EQ(policy.robot, "panda");
  EXPECT_TRUE(policy.action_names.empty());  // the data's are of another mode
  EXPECT_EQ(read_policy_config(run(tiny_.job("plain")).best).action_names,
            (std::vector<std::string>{"joint 1 (rad)", "joint 2 (rad)", "gripper"}));
  EXPECT_NEAR(policy.actions.low[0], 0, 1e-6);   // the first target is where the robot stands
  EXPECT_NEAR(policy.actions.high[0], 1, 1e-4);  // then 0.1 rad a step
  FinetuneJob next = tiny_.job("next");
  next.vae.clear();
  next.init = job.out + "/best";
  EXPECT_EQ(refusal<ConfigError>(next).got, "pd_joint_pos");
  next.config.control_mode = "pd_joint_target_delta_pos";
  run(next);
}

TEST_F(TrainerInput, ATruncatedAndAnEmptyDemonstrationFileAreRefused) {
  const FinetuneJob job = tiny_.job("run");
  const std::string bytes = read_bytes(tiny_.data());
  for (const size_t size : {bytes.size() / 2, size_t{0}}) {
    write_bytes(tiny_.data(), bytes.substr(0, size));
    EXPECT_NE(refusal<FormatError>(job).where.find("push.h5"), std::string::npos);
  }
}

TEST_F(TrainerInput, ActionsThatAreNotNumbersAreRefused) {
  std::vector<float> actions(12 * 3, 0.5f);
  actions[4] = std::numeric_limits<float>::quiet_NaN();
  replace_dataset(tiny_.data(), "traj_0/actions", H5T_NATIVE_FLOAT, {12, 3}, actions.data());
  EXPECT_NE(refusal<FormatError>(tiny_.job("run")).where.find("traj_0"), std::string::npos);
}

TEST_F(TrainerInput, ACameraThatTheDemonstrationsLackIsRefused) {
  FinetuneJob job = tiny_.job("run");
  job.cameras = {"hand_camera"};
  const Problem problem = refusal<ConfigError>(job);
  EXPECT_EQ(problem.got, "\"hand_camera\"");
  EXPECT_EQ(problem.expected, "render_camera");
}

TEST_F(TrainerInput, APolicyFromNothingNeedsAVae) {
  FinetuneJob job = tiny_.job("run");
  job.vae.clear();
  EXPECT_EQ(refusal<ConfigError>(job).where, "--vae");
  job.vae = tiny_.path("no vae");
  EXPECT_NE(refusal<ConfigError>(job).where.find("no vae"), std::string::npos);
}

TEST_F(TrainerInput, ADamagedVaeIsRefused) {
  const std::string file = tiny_.path("vae") / "model.safetensors";
  std::string bytes = read_bytes(file);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write_bytes(file, bytes);
  EXPECT_NE(refusal<FormatError>(tiny_.job("run")).got.find("model.safetensors"), std::string::npos);
}

TEST_F(TrainerInput, LatentsOfAnotherSizeThanTheBackboneTakesAreRefused) {
  FinetuneJob job = tiny_.job("run");
  job.config.canvas.height = 24;
  const Problem problem = refusal<ConfigError>(job);
  EXPECT_EQ(problem.got, "2 channels of 8 x 8");
  EXPECT_NE(problem.expected.find("2 channels of 12 x 8"), std::string::npos) << problem.expected;
  job.config.canvas.height = 17;
  EXPECT_EQ(refusal<ConfigError>(job).got, "17 x 16 pixels");
}

TEST_F(TrainerInput, AnotherActionWidthThanConfiguredIsRefused) {
  FinetuneJob job = tiny_.job("run");
  job.config.model.codec.action_width = 7;
  const Problem problem = refusal<ConfigError>(job);
  EXPECT_EQ(problem.where, "model.codec.action_width");
  EXPECT_EQ(problem.expected, "7");
}

TEST_F(TrainerInput, DatasetsOfDifferentRobotsAreRefused) {
  DemonstrationSketch sketch = TinyRun::sketch();
  sketch.action_width = 4;
  FinetuneJob job = with_data(tiny_.job("run"), sketch);
  job.data.push_back(tiny_.data());
  const Problem problem = refusal<ConfigError>(job);
  EXPECT_NE(problem.got.find("3 actions"), std::string::npos);
  EXPECT_NE(problem.expected.find("4 actions"), std::string::npos);
}

TEST_F(TrainerInput, TheActionWidthMustBeTheCheckpoints) {
  DemonstrationSketch sketch = TinyRun::sketch();
  sketch.action_width = 4;
  const Problem problem = refusal<ConfigError>(with_data(continued("run"), sketch));
  EXPECT_EQ(problem.what, "the action width differs from the checkpoint's");
  EXPECT_EQ(problem.got, "4");
  EXPECT_EQ(problem.expected, "3");
}

TEST_F(TrainerInput, TheControlModeMustBeTheCheckpoints) {
  DemonstrationSketch sketch = TinyRun::sketch();
  sketch.control_mode = "pd_ee_delta_pose";
  const Problem problem = refusal<ConfigError>(with_data(continued("run"), sketch));
  EXPECT_EQ(problem.got, "pd_ee_delta_pose");
  EXPECT_EQ(problem.expected, "pd_joint_pos");
}

TEST_F(TrainerInput, TheCamerasMustBeTheCheckpoints) {
  DemonstrationSketch sketch = TinyRun::sketch();
  sketch.cameras = {"hand_camera"};
  Problem problem = refusal<ConfigError>(with_data(continued("run"), sketch));
  EXPECT_EQ(problem.got, "\"render_camera\"");
  EXPECT_EQ(problem.expected, "hand_camera");
  FinetuneJob job = continued("run");
  job.cameras = {"hand_camera"};
  problem = refusal<ConfigError>(job);
  EXPECT_EQ(problem.what, "the camera differs from the checkpoint's");
}

TEST_F(TrainerInput, ACheckpointThatIsNotThereIsRefusedAndARunFolderExplained) {
  FinetuneJob job = continued("run");
  const std::string best = job.init;
  job.init = tiny_.path("nowhere");
  EXPECT_EQ(refusal<ConfigError>(job).got, "a path that does not exist");
  job.init = tiny_.path("first");
  EXPECT_EQ(refusal<ConfigError>(job).next_step, "use " + best);
}

TEST_F(TrainerInput, AFlippedByteInTheCheckpointIsRefused) {
  const FinetuneJob job = continued("run");
  const fs::path file = fs::path(job.init) / "model.safetensors";
  std::string bytes = read_bytes(file);
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
  write_bytes(file, bytes);
  const Problem problem = refusal<FormatError>(job);
  EXPECT_EQ(problem.where, job.init);
  EXPECT_EQ(problem.got, "\"model.safetensors\" is damaged");
}

TEST_F(TrainerInput, AnInstructionThatIsTooLongForTheModelIsRefused) {
  FinetuneJob job = tiny_.job("run");
  job.instruction = std::string(25, 'x');
  EXPECT_EQ(refusal<ConfigError>(job).got, "25 bytes");
}

TEST_F(TrainerInput, ADeviceThatIsNotThereIsRefused) {
  FinetuneJob job = tiny_.job("run");
  job.device = "cuda:99";
  EXPECT_EQ(refusal<ConfigError>(job).where, "device cuda:99");
  job.device = "gpu";
  EXPECT_EQ(refusal<ConfigError>(job).got, "'gpu'");
}

TEST_F(TrainerInput, FieldsThatDoNotGoTogetherAreRefused) {
  const std::vector<std::pair<std::string, std::function<void(FinetuneConfig&)>>> cases = {
      {"accumulation", [](FinetuneConfig& config) { config.accumulation = 3; }},
      {"loss.observation, loss.action",
       [](FinetuneConfig& config) { config.loss.observation = config.loss.action = false; }},
      {"canvas.cameras", [](FinetuneConfig& config) { config.canvas.cameras.clear(); }}};
  for (const auto& [where, spoil] : cases) {
    FinetuneJob job = tiny_.job("run");
    spoil(job.config);
    EXPECT_EQ(refusal<ConfigError>(job).where, where);
  }
}

TEST(FinetuneConfig, TheZerosOfEarlierVersionsAreNone) {
  FinetuneConfig given;
  given.control_mode = "pd_ee_pose";
  given.max_minutes = 3;
  given.threads = 2;
  const auto config =
      ConfigDocument::parse(R"({"control_mode": "", "max_minutes": 0, "threads": 0})", "job.json").read(given);
  EXPECT_EQ(config.control_mode, std::nullopt);
  EXPECT_EQ(config.max_minutes, std::nullopt);
  EXPECT_EQ(config.threads, std::nullopt);
  const Problem problem = problem_of<ConfigError>(
      [&] { ConfigDocument::parse(R"({"max_minutes": -1})", "my.json").read<FinetuneConfig>(); });
  EXPECT_EQ(problem.where, "my.json: max_minutes");
}

TEST(FinetuneConfig, ATypoInAConfigNamesThePathAndTheNearestKey) {
  const auto document = ConfigDocument::parse(R"({"optimizer": {"learning_rate": {"peek": 0.1}}})", "my.json");
  const Problem problem = problem_of<ConfigError>([&] { document.read<FinetuneConfig>(); });
  EXPECT_NE(problem.where.find("my.json"), std::string::npos);
  EXPECT_NE((problem.where + problem.got).find("optimizer.learning_rate.peek"), std::string::npos) << to_text(problem);
  EXPECT_NE(to_text(problem).find("peak"), std::string::npos) << to_text(problem);
}

}  // namespace
}  // namespace physgen
