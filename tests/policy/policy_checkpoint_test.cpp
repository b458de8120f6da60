#include <physgen/policy/policy_checkpoint.h>

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include <physgen/files/manifest.h>
#include <physgen/policy/checkpoint_summary.h>

#include "policy/merge.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/tiny_model.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

class PolicyCheckpoint : public testing::Test {
 protected:
  PolicyCheckpoint() : model_(make_model(config_.model)), vae_(config_.vae) {
    initialize(*vae_, generator(5));
    save();
  }

  void save() { save_policy(path_, config_, state_dict(*model_), state_dict(*vae_)); }

  // Writes a file of the checkpoint anew, as if it had been saved so.
  void forge(const std::string& name, const std::function<void(const fs::path&)>& write) {
    write(path_ / name);
    fs::remove(path_ / kManifestName);
    write_manifest(path_, kPolicyKind);
  }

  TemporaryFolder folder_;
  fs::path path_ = folder_ / "policy";
  PolicyConfig config_ = tiny_policy_config();
  PhysGenModel model_;
  CausalVae vae_;
};

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_TRUE(at::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST_F(PolicyCheckpoint, WhatIsSavedIsLoaded) {
  const LoadedPolicy loaded = load_policy(path_);
  EXPECT_EQ(write_config(loaded.config), write_config(config_));
  expect_equal(state_dict(*loaded.model), state_dict(*model_));
  expect_equal(state_dict(*loaded.vae), state_dict(*vae_));
}

TEST_F(PolicyCheckpoint, APathWithoutOneIsTheUsersMistake) {
  const Problem problem = problem_of<ConfigError>([&] { load_policy(folder_ / "nowhere"); });
  EXPECT_EQ(problem.where, (folder_ / "nowhere").string());
  EXPECT_EQ(problem.got, "a path that does not exist");
}

TEST_F(PolicyCheckpoint, ARunFolderIsExplained) {
  fs::create_directory(folder_ / "run");
  fs::rename(path_, folder_ / "run" / "best");
  const Problem problem = problem_of<ConfigError>([&] { load_policy(folder_ / "run"); });
  EXPECT_EQ(problem.got, "the folder of a training run");
  EXPECT_EQ(problem.next_step, "use " + (folder_ / "run" / "best").string());
}

TEST_F(PolicyCheckpoint, AFlippedByteOfAnyFileIsFound) {
  for (const char* name : {"config.json", "model.safetensors", "vae.safetensors", kManifestName}) {
    const std::string bytes = read_bytes(path_ / name);
    for (const size_t place : {size_t{0}, bytes.size() / 3, bytes.size() - 2}) {
      std::string damaged = bytes;
      damaged[place] = static_cast<char>(damaged[place] ^ 2);
      write_bytes(path_ / name, damaged);
      const Problem problem = problem_of<FormatError>([&] { load_policy(path_); });
      EXPECT_NE(to_text(problem).find(name), std::string::npos) << to_text(problem);
    }
    write_bytes(path_ / name, bytes);
  }
}

TEST_F(PolicyCheckpoint, AMissingAndATruncatedFileAreFound) {
  const std::string bytes = read_bytes(path_ / "vae.safetensors");
  write_bytes(path_ / "vae.safetensors", bytes.substr(0, bytes.size() / 2));
  EXPECT_NE(problem_of<FormatError>([&] { load_policy(path_); }).got.find("vae.safetensors"), std::string::npos);
  fs::remove(path_ / "vae.safetensors");
  EXPECT_EQ(problem_of<FormatError>([&] { load_policy(path_); }).got, "\"vae.safetensors\" is missing");
  fs::remove(path_ / kManifestName);
  write_manifest(path_, kPolicyKind);
  EXPECT_EQ(problem_of<FormatError>([&] { load_policy(path_); }).where, (path_ / "vae.safetensors").string());
}

TEST_F(PolicyCheckpoint, MissingUnexpectedAndMisshapenTensorsAreAllListed) {
  NamedTensors tensors = state_dict(*model_);
  const std::string missing = tensors.front().first;
  tensors.front().first = "surprise";
  tensors.back().second = at::zeros({1, 2, 3});
  forge("model.safetensors", [&](const fs::path& file) { save_tensors(file.string(), tensors); });
  const Problem problem = problem_of<FormatError>([&] { load_policy(path_); });
  EXPECT_EQ(problem.where, (path_ / "model.safetensors").string());
  EXPECT_NE(problem.got.find("missing " + missing), std::string::npos) << problem.got;
  EXPECT_NE(problem.got.find("unexpected surprise"), std::string::npos) << problem.got;
  EXPECT_NE(problem.got.find(tensors.back().first + " is [1, 2, 3]"), std::string::npos) << problem.got;
}

TEST_F(PolicyCheckpoint, AConfigThatDoesNotFitItselfIsTheFilesFault) {
  const auto write = [&](const std::function<void(PolicyConfig&)>& spoil) {
    PolicyConfig config = config_;
    spoil(config);
    forge("config.json", [&](const fs::path& file) { write_bytes(file, write_config(config)); });
    return problem_of<FormatError>([&] { load_policy(path_); });
  };
  EXPECT_EQ(write([](PolicyConfig& config) { config.canvas.width = 24; }).got, "2 channels of 8 x 8");
  EXPECT_EQ(write([](PolicyConfig& config) { config.canvas.width = 17; }).got, "16 x 17 pixels");
  EXPECT_EQ(write([](PolicyConfig& config) { config.actions.low.pop_back(); }).got, "2 low and 3 high values");
  EXPECT_EQ(write([](PolicyConfig& config) { config.model.codec.state_token = true; }).expected, "5 of each");
  forge("config.json", [](const fs::path& file) { write_bytes(file, R"({"modle": {}})"); });
  EXPECT_NE(to_text(problem_of<FormatError>([&] { load_policy(path_); })).find("modle"), std::string::npos);
}

TEST_F(PolicyCheckpoint, AConfigWithOtherAdaptersThanTheModelReplacesNothing) {
  prepare_training(model_, TrainMode::lora, 2, 4);
  EXPECT_EQ(problem_of<ConfigError>([&] { save(); }).expected, "2");
  EXPECT_EQ(load_policy(path_).config.adapter.rank, 0);
  config_.adapter = {.rank = 2, .alpha = 4};
  save();
  expect_equal(state_dict(*load_policy(path_).model), state_dict(*model_));
}

TEST_F(PolicyCheckpoint, TheSeedsOfEarlierVersionsAreRead) {
  auto config = nlohmann::json::parse(write_config(config_));
  config["seeds_tried"] = {0, 9, 20, 29};  // first, last, first, last
  forge("config.json", [&](const fs::path& file) { write_bytes(file, config.dump()); });
  const std::vector<std::pair<int64_t, int64_t>> seeds = {{0, 9}, {20, 29}};
  EXPECT_EQ(load_policy(path_).config.seeds_tried, seeds);
}

TEST_F(PolicyCheckpoint, AConfigThatNamesAnotherFileIsRefused) {
  const std::string other = folder_ / "model.json";
  write_bytes(other, write_config(config_.model));
  auto config = nlohmann::json::parse(write_config(config_));
  for (const nlohmann::json& model : {nlohmann::json(other), nlohmann::json{{"include", other}}}) {
    config["model"] = model;
    forge("config.json", [&](const fs::path& file) { write_bytes(file, config.dump()); });
    const Problem problem = problem_of<FormatError>([&] { load_policy(path_); });
    EXPECT_EQ(problem.where.find((path_ / "config.json").string()), 0u) << problem.where;
    EXPECT_NE(problem.where.find(": model"), std::string::npos) << problem.where;
  }
}

TEST_F(PolicyCheckpoint, ADirectoryOfAnotherKindIsRefused) {
  fs::remove(path_ / kManifestName);
  write_manifest(path_, "vae");
  const Problem problem = problem_of<FormatError>([&] { load_policy(path_); });
  EXPECT_EQ(problem.got, "'vae'");
  EXPECT_EQ(problem.expected, "'policy'");
}

TEST_F(PolicyCheckpoint, AdaptersAreLoadedAsSuchAndMergeIntoTheSameFunction) {
  prepare_training(model_, TrainMode::lora, 2, 8);
  {
    const at::NoGradGuard no_gradient;
    auto random = generator(11);
    for (auto& item : model_->named_parameters()) {
      if (item.key().ends_with("lora_b")) item.value().normal_(0, 0.1, random);
    }
  }
  config_.adapter = {2, 8};
  save();
  LoadedPolicy adapted = load_policy(path_);
  merge_policy(path_, folder_ / "merged");
  LoadedPolicy merged = load_policy(folder_ / "merged");
  EXPECT_EQ(merged.config.adapter.rank, 0);
  EXPECT_EQ(state_dict(*merged.model).size() + 2 * 4 * 4, state_dict(*adapted.model).size());
  const WindowBatch batch = make_batch(config_.model, 2);
  const at::Tensor noise = draw_sampling_noise(config_.model, sampling_generators({.seed = 3, .count = 2}));
  const at::Tensor expected = sample_actions(adapted.model, batch, noise);
  EXPECT_TRUE(at::allclose(sample_actions(merged.model, batch, noise), expected, 1e-4, 1e-5));
}

TEST_F(PolicyCheckpoint, MergingNeedsAdaptersAndANewPath) {
  EXPECT_EQ(problem_of<ConfigError>([&] { merge_policy(path_, folder_ / "out"); }).got, "a policy without adapters");
  prepare_training(model_, TrainMode::lora, 2, 8);
  config_.adapter = {2, 8};
  save();
  EXPECT_EQ(problem_of<ConfigError>([&] { merge_policy(path_, folder_.path()); }).where, folder_.path().string());
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

TEST_F(PolicyCheckpoint, ASummarySaysWhatItIs) {
  const CheckpointSummary summary = summarize_checkpoint(path_);
  EXPECT_EQ(summary.kind, "policy");
  EXPECT_FALSE(summary.can_resume);
  int64_t parameters = 0;
  for (const auto& tensors : {state_dict(*model_), state_dict(*vae_)}) {
    for (const auto& [name, tensor] : tensors) parameters += tensor.numel();
  }
  const auto root = nlohmann::json::parse(to_json(summary));
  EXPECT_EQ(root["parameters"], parameters);
  EXPECT_EQ(root["config"]["control_mode"], "pd_joint_pos");
  EXPECT_TRUE(root["parts"].contains("nova.video_encoder")) << root["parts"];
  EXPECT_TRUE(root["parts"].contains("vae.encoder")) << root["parts"];
  const std::string text = to_text(summary);
  for (const char* part : {"step: 12", "PushCube-v1", "render_camera", "pd_joint_pos", "action_head"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  EXPECT_EQ(summarize_checkpoint(path_ / "model.safetensors").kind, "tensors");
}

TEST_F(PolicyCheckpoint, ItsModelCardSaysWhatItSeesAndDoes) {
  const CheckpointSummary summary = summarize_checkpoint(path_);
  const std::string card = to_card(summary);
  EXPECT_TRUE(card.starts_with("---\nlibrary_name: physgen\n"));
  const std::vector<std::string> parts = {"\n# PhysGen for PushCube-v1\n", "| tasks | PushCube-v1 |",
                                          "| cameras | render_camera |", "| steps of training | 12 |",
                                          "`" + summary.files.front().sha256 + "`"};
  for (const std::string& part : parts) {
    EXPECT_NE(card.find(part), std::string::npos) << part << "\n" << card;
  }
}

TEST_F(PolicyCheckpoint, ASummaryOfSomethingElseIsRefused) {
  EXPECT_EQ(problem_of<ConfigError>([&] { summarize_checkpoint(folder_ / "nowhere"); }).got,
            "a path that does not exist");
  EXPECT_EQ(problem_of<ConfigError>([&] { summarize_checkpoint(folder_.path()); }).got,
            "a folder without MANIFEST.json");
}

}  // namespace
}  // namespace physgen
