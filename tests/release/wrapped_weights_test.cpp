
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <functional>

#include <physgen/core/error.h>
#include <physgen/release/convert.h>

#include "files/zip_archive.h"
#include "release/nova_release.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/torch_archive_writer.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

/// Of a tensor of 6 floats, as in the entry data/more.
const PickledTensorParts kMore = {.storage = pickled_storage("FloatStorage", "more", 6)};

using Items = std::vector<std::pair<std::string, std::string>>;

std::string pickled_dict(const Items& items) {
  std::string dict = "}";
  for (const auto& [key, value] : items) dict.append(pickled(key)).append(value).append("s");
  return dict;
}

std::string dict_of_more(const std::string& name) { return pickled_dict({{name, pickled(kMore)}}); }

/// A copy of a release, whose transformer a test may save as a trainer would.
class WrappedWeights : public testing::Test {
 protected:
  WrappedWeights() { fs::copy(fs::path(PHYSGEN_SOURCE_DIR "/tests/golden/nova_plain"), path_, kRecursive); }

  /// Writes the transformer's archive anew, its pickle what `wrap` makes of the state dict's.
  void save_wrapped(const std::function<std::string(const std::string&)>& wrap) const {
    const std::string archive = read_bytes(file_);
    std::vector<ZipPart> parts;
    for (const ZipEntry& entry : read_zip_archive(std::as_bytes(std::span(archive)), "")) {
      const std::string data(reinterpret_cast<const char*>(entry.data.data()), entry.data.size());
      const bool is_pickle = entry.name.ends_with("/data.pkl");
      parts.push_back({.name = std::string(entry.name),
                       .data = is_pickle ? pickle_of(wrap(data.substr(2, data.size() - 3))) : data});
    }
    const std::string root = parts[0].name.substr(0, parts[0].name.find('/'));
    parts.push_back({.name = root + "/data/more", .data = std::string(24, 's')});
    write_bytes(file_, zip_of(parts));
  }

  /// Writes the transformer as safetensors, `prefix` before each name, with more tensors.
  void save_prefixed(const std::string& prefix, NamedTensors tensors = {}) const {
    for (const auto& [name, tensor] : plain_) tensors.emplace_back(prefix + name, tensor.clone());
    save_tensors((path_ / "transformer/diffusion_pytorch_model.safetensors").string(), tensors);
  }

  void expect_plain(const std::vector<std::string>& notes) const {
    const PretrainedFiles files = open_nova_release(path_);
    EXPECT_EQ(files.notes, notes);
    ASSERT_EQ(tensor_differences(plain_, files.backbone).count(), 0u);
    std::map<std::string, at::Tensor> tensors(files.backbone.begin(), files.backbone.end());
    for (const auto& [name, tensor] : plain_) EXPECT_TRUE(at::equal(tensor, tensors.at(name))) << name;
  }

  Problem refusal() const {
    return problem_of<FormatError>([&] { describe_pretrained("nova:" + path_.string()); });
  }

  static constexpr fs::copy_options kRecursive = fs::copy_options::recursive;
  TemporaryFolder folder_;
  fs::path path_ = folder_.path() / "release";
  fs::path file_ = path_ / "transformer/diffusion_pytorch_model.bin";
  NamedTensors plain_ = open_nova_release(PHYSGEN_SOURCE_DIR "/tests/golden/nova_plain").backbone;
};

TEST_F(WrappedWeights, OfACheckpointThePlainOnesAreTakenAndTheEmaCopyIsNamed) {
  save_wrapped([](const std::string& state_dict) {
    return pickled_dict({{"epoch", "K\3"},
                         {"ema", pickled_dict({{"shadow", dict_of_more("w")}})},
                         {"model", state_dict},
                         {"optimizer", pickled_dict({{"state", "}"}, {"param_groups", "]"}})}});
  });
  const std::string note =
      "the weights of the transformer are those of \"model\"; not taken: \"ema.shadow\" (an EMA copy)";
  expect_plain({note});
  const PretrainedSummary summary =
      convert_pretrained("nova:" + path_.string(), (folder_.path() / "own").string(), "", "");
  ASSERT_FALSE(summary.notes.empty());
  EXPECT_EQ(summary.notes[0], note);
}

TEST_F(WrappedWeights, AnEmaCopyThatIsAloneIsTaken) {
  save_wrapped([](const std::string& state_dict) {
    return pickled_dict({{"ema", pickled_dict({{"decay", "K\1"}, {"module", state_dict}})}});
  });
  expect_plain({"the weights of the transformer are those of \"ema.module\", an EMA copy: there are no others"});
}

TEST_F(WrappedWeights, OfTwoModelsNeitherIsTakenAndTheFileIsNamed) {
  save_wrapped([](const std::string& state_dict) {
    return pickled_dict({{"generator", state_dict}, {"discriminator", dict_of_more("w")}});
  });
  const Problem problem = refusal();
  EXPECT_EQ(problem.where, file_.string() + ": data.pkl");
  EXPECT_EQ(problem.got,
            "\"generator\" with " + std::to_string(plain_.size()) + " tensors, \"discriminator\" with 1 tensor");
}

TEST_F(WrappedWeights, NamesOfAnotherModelAreShownBesideThoseThatAreMissing) {
  save_wrapped([](const std::string&) { return pickled_dict({{"model", dict_of_more("blocks.0.weight")}}); });
  const Problem problem = refusal();
  EXPECT_EQ(problem.where, file_.string());
  EXPECT_EQ(problem.got, "missing video_encoder.blocks.1.norm1.weight; unexpected blocks.0.weight");
  EXPECT_NE(problem.expected.find("transformer/config.json"), std::string::npos) << problem.expected;
  EXPECT_EQ(problem.next_step, kSaveThisModel);
}

TEST_F(WrappedWeights, OneNameTooManyIsShownAndItsFileBlamed) {
  save_prefixed("", {{"criterion.scale", at::ones(1)}});
  const Problem problem = refusal();
  EXPECT_EQ(problem.where, (path_ / "transformer/diffusion_pytorch_model.safetensors").string());
  EXPECT_EQ(problem.got, "unexpected criterion.scale");
}

TEST_F(WrappedWeights, AnEmaCopyInTheSameDictIsLeftOut) {
  save_prefixed("state_dict.model.");
  expect_plain({"the tensors of the transformer all begin with \"state_dict.\", which is left out",
                "the tensors of the transformer all begin with \"model.\", which is left out"});
  save_prefixed("model.", {{"model_ema.decay", at::ones(1)}, {"model_ema.w", at::ones(2)}});
  expect_plain({"2 tensors of the transformer begin with \"model_ema.\" or the like, an EMA copy, and are not taken",
                "the tensors of the transformer all begin with \"model.\", which is left out"});
  save_prefixed("ema_model.");
  expect_plain({"the tensors of the transformer all begin with \"ema_model.\", which is left out"});
}

TEST_F(WrappedWeights, AnAveragedModelIsReadWithoutItsCount) {
  save_prefixed("module.", {{"n_averaged", at::ones({}, at::kLong)}});
  expect_plain({"the tensors of the transformer are those of an AveragedModel, whose \"n_averaged\" is left out",
                "the tensors of the transformer all begin with \"module.\", which is left out"});
}

TEST_F(WrappedWeights, ThePartThatHoldsAnothersIsBlamed) {
  const fs::path vae = path_ / "vae/diffusion_pytorch_model.safetensors";
  save_tensors(vae.string(), plain_);
  const Problem problem = refusal();
  EXPECT_EQ(problem.where, vae.string());
  for (const char* phrase : {"missing encoder.", "; unexpected ", " more"}) {
    EXPECT_NE(problem.got.find(phrase), std::string::npos) << problem.got;
  }
}

TEST_F(WrappedWeights, ATextEncoderOfAnotherModelIsBlamed) {
  fs::remove_all(path_);
  fs::copy(fs::path(PHYSGEN_SOURCE_DIR "/tests/golden/nova_absolute_ddpm"), path_, kRecursive);
  fs::remove(path_ / "text_encoder/model.safetensors.index.json");
  save_tensors((path_ / "text_encoder/model.safetensors").string(),
               {{"shared.weight", at::ones(2)}, {"encoder.weight", at::ones(2)}});
  const Problem problem = refusal();
  EXPECT_EQ(problem.where, (path_ / "text_encoder/model.safetensors").string());
  EXPECT_EQ(problem.got, "missing model.embed_tokens.weight; unexpected encoder.weight, shared.weight");
}

}  // namespace
}  // namespace physgen
