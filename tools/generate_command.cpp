#include <fmt/core.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/data/demonstration_dataset.h>
#include <physgen/device/machine.h>
#include <physgen/media/video_writer.h>
#include <physgen/policy/generation.h>
#include <physgen/policy/policy_config.h>

#include "commands.h"
#include "core/stopwatch.h"
#include "data/action_conversion.h"
#include "progress_line.h"
#include "shared_options.h"

namespace physgen {
namespace {

constexpr int64_t kDecodingSteps = 64, kDecodingStepsOfPolicies = 16, kMostFrames = 100000;

struct GenerateOptions {
  const CLI::App* command = nullptr;
  std::string checkpoint, prompt, negative_prompt, image, data, out;
  int64_t episode = 0, steps = 0, frames = 0, threads = 0;
  double frames_per_second = 12;
  GenerationOptions generation;
};

// A bar with the time left, from the steps so far.
GenerationProgress progress_of(std::shared_ptr<ProgressLine> line) {
  const Stopwatch stopwatch;
  return [line = std::move(line), stopwatch](int64_t done, int64_t total) {
    const double seconds = stopwatch.seconds();
    const double left = seconds / static_cast<double>(done) * static_cast<double>(total - done);
    line->show("step", done, total, fmt::format("{:.0f} s to go", left));
  };
}

// The first frame of an episode and what was done from there on.
Demonstration demonstration_of(const GenerateOptions& given) {
  const PolicyConfig policy = read_policy_config(given.checkpoint);
  const DemonstrationDataset dataset({given.data});
  if (given.episode >= dataset.size()) {
    throw ConfigError({.what = "there is no such episode",
                       .where = "--episode",
                       .got = std::to_string(given.episode),
                       .expected = "0 to " + std::to_string(dataset.size() - 1)});
  }
  Episode episode = dataset.read(given.episode);
  if (episode.info.control_mode != policy.control_mode) {
    episode = convert_actions(std::move(episode), policy.control_mode, dataset.read_hand(given.episode));
  }
  Demonstration demonstration{{}, episode.actions, episode.states, episode.info.instruction};
  for (const std::string& camera : policy.canvas.cameras) {
    demonstration.views.push_back(dataset.read_frame(given.episode, camera, 0));
  }
  return demonstration;
}

bool is_picture(const std::string& path) { return std::filesystem::path(path).extension() == ".png"; }

void write(const std::vector<Image>& frames, const GenerateOptions& given) {
  if (is_picture(given.out)) {
    write_png(given.out, frames.back());
  } else {
    VideoWriter video(given.out, frames.front().height, frames.front().width, given.frames_per_second);
    for (const Image& frame : frames) video.add(frame);
    video.close();
  }
  fmt::print("{}: {} frames of {} x {}\n", given.out, frames.size(), frames.front().height, frames.front().width);
}

// Drawing may take minutes: a file that cannot be written is better told before.
void check_folder_of(const std::string& out) {
  const std::filesystem::path folder = std::filesystem::absolute(out).parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) == 0 && !std::filesystem::is_directory(out)) return;
  throw ConfigError({.what = "the file cannot be written",
                     .where = "--out",
                     .got = out + ": " + (std::filesystem::is_directory(out) ? "a folder" : std::strerror(errno)),
                     .expected = "a file in a folder that is there and may be written to"});
}

void check_out(const GenerateOptions& given, bool policy) {
  check_folder_of(given.out);
  const std::string ending = std::filesystem::path(given.out).extension();
  const bool picture = !policy && given.frames <= 1;
  if (ending == ".mp4" || (ending == ".png" && picture)) return;
  throw ConfigError({.what = "the frames cannot be written under this name",
                     .where = "--out",
                     .got = given.out,
                     .expected = picture ? "a name that ends in .mp4 or .png" : "a name that ends in .mp4"});
}

void refuse_flags(const GenerateOptions& given, const std::vector<std::string>& flags, const std::string& kind) {
  for (const std::string& flag : flags) {
    if (given.command->count(flag) == 0) continue;
    throw ConfigError({.what = "this flag says nothing to " + kind,
                       .where = flag,
                       .got = given.checkpoint,
                       .expected = kind == "a policy" ? "a pretrained backbone" : "a policy",
                       .next_step = "leave it out"});
  }
}

void check_policy(const GenerateOptions& given) {
  refuse_flags(
      given,
      {"--prompt", "--negative-prompt", "--image", "--guidance", "--guidance-until", "--guidance-renorm", "--motion"},
      "a policy");
  if (!given.data.empty()) return;
  throw ConfigError({.what = "a policy imagines what follows from a demonstration's first frame and its actions",
                     .where = "--data",
                     .got = "nothing",
                     .expected = "an HDF5 file, a LeRobot data set, or a folder of them",
                     .next_step = "pass --data and --episode"});
}

void check_backbone(const GenerateOptions& given) {
  refuse_flags(given, {"--data", "--episode"}, "a pretrained backbone");
  if (given.image.empty() || given.frames > 1) return;
  throw ConfigError({.what = "a video that begins with a picture has more frames than one",
                     .where = "--frames",
                     .got = given.frames == 0 ? "nothing" : "1",
                     .expected = "at least 2"});
}

void generate(const GenerateOptions& given) {
  const bool policy = !holds_pretrained(given.checkpoint);
  check_out(given, policy);
  policy ? check_policy(given) : check_backbone(given);
  if (given.threads > 0) set_compute_threads(given.threads);
  GenerationOptions options = given.generation;
  auto line = std::make_shared<ProgressLine>();
  options.on_note = [](const std::string& note) { spdlog::warn("{}", note); };
  options.decoding_steps = given.steps > 0 ? given.steps : policy ? kDecodingStepsOfPolicies : kDecodingSteps;
  if (policy) {
    options.frames = given.frames > 0 ? given.frames : kMostFrames;
    return write(imagine_demonstration(given.checkpoint, demonstration_of(given), options, progress_of(line)), given);
  }
  options.frames = std::max<int64_t>(given.frames, 1);
  std::optional<Image> image;
  if (!given.image.empty()) image = read_png(given.image);
  write(generate_from_text(given.checkpoint, given.prompt, given.negative_prompt, image, options, progress_of(line)),
        given);
}

void add_sampling(CLI::App& command, GenerationOptions& generation) {
  command.add_option("--denoising-steps", generation.denoising_steps, "Steps of a patch")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--guidance", generation.guidance, "How far away from the negative prompt; 1: not at all")
      ->check(CLI::Range(1.0, 100.0))
      ->capture_default_str();
  command.add_option("--guidance-until", generation.guidance_until, "The last timestep that is guided")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  command.add_option("--guidance-renorm", generation.guidance_renorm, "The least factor guidance is scaled back by")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command.add_option("--motion", generation.motion, "How much moves in a video: mean optical flow")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
}

}  // namespace

void add_generate_command(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  GenerationOptions& generation = options->generation;
  CLI::App* command = app.add_subcommand("generate", "Draw a picture or a video, or what a policy expects to happen");
  options->command = command;
  command->add_option("--checkpoint", options->checkpoint, "nova:FOLDER, a folder that convert wrote, or a policy")
      ->required();
  command->add_option("--prompt", options->prompt, "What is to be seen");
  command->add_option("--negative-prompt", options->negative_prompt, "What is not to be seen");
  command->add_option("--image", options->image, "The first frame, a PNG; its middle is fitted to the model's size")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--data", options->data,
                   "With a policy: demonstrations, an HDF5 file, a LeRobot data set or a folder of them")
      ->check(CLI::ExistingPath);
  command->add_option("--episode", options->episode, "With a policy: which episode, from 0")
      ->check(CLI::NonNegativeNumber);
  command
      ->add_option("--frames", options->frames, "Frames to draw; without it, one, or with a policy the whole episode")
      ->check(CLI::Range(1, 100000));
  command
      ->add_option("--steps", options->steps,
                   "Passes of the frame decoder a frame; without it, 64, or with a policy 16")
      ->check(CLI::Range(1, 100000));
  add_sampling(*command, generation);
  add_seed_option(*command, generation.seed, "Seed of all that is drawn: the same one draws the same frames");
  add_device_option(*command, generation.device);
  command->add_option("--precision", generation.precision, "float32 or bfloat16")
      ->check(CLI::IsMember({"float32", "bfloat16"}))
      ->capture_default_str();
  add_threads_option(*command, options->threads);
  command->add_option("--fps", options->frames_per_second, "Frames a second of the file")
      ->check(CLI::Range(1.0, 240.0))
      ->capture_default_str();
  command->add_option("--out", options->out, "The .mp4 to write, or the .png of a single frame")->required();
  command->callback([=] { generate(*options); });
}

}  // namespace physgen
