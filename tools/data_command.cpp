#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <physgen/core/config.h>
#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>
#include <physgen/data/demonstration_check.h>
#include <physgen/data/demonstration_dataset.h>
#include <physgen/media/video_writer.h>

#include "commands.h"
#include "core/printable.h"
#include "data/action_names.h"
#include "data/demonstration_search.h"
#include "data/lerobot.h"
#include "data/statistics.h"
#include "files/atomic_file.h"
#include "json_output.h"
#include "media/contact_sheet.h"
#include "media/resize.h"
#include "progress_line.h"
#include "shared_options.h"
#include "stop_signal.h"
#include "training_command.h"

namespace physgen {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kUnknownRate = 20;  // plays what does not tell its own

struct DataOptions {
  std::vector<std::string> paths;
  std::string instruction;
  bool json = false;
  int64_t episode = 0;
  std::string camera;
  std::string out;
  int64_t frames = 12;
  int64_t columns = 6;
  std::string to;
  std::string pictures = "png";
  double frames_per_second = 0;
  double resample = 0;
  bool all = false;
};

/// "  actions       6 columns, lerobot: m0, m1, …"
void print_columns(const char* what, int64_t width, const std::string& kind, const std::vector<std::string>& names) {
  std::string text = fmt::format("{} columns", width);
  if (!kind.empty()) text += ", " + kind;
  if (!names.empty()) text += ": " + printable(comma_separated(names));
  fmt::print("  {:<14}{}\n", what, text);
}

void print_left_out(const std::vector<LeftOut>& left_out) {
  for (const auto& [where, why] : left_out) fmt::print("left out        {}: {}\n", printable(where), printable(why));
}

// Control steps of a file's episodes.
struct EpisodeCounts {
  int64_t successful = 0, total = 0, shortest = 0, longest = 0;
};

EpisodeCounts count_episodes(const DemonstrationDataset& dataset) {
  EpisodeCounts counts;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const int64_t steps = dataset.info(i).control_steps;
    counts.total += steps;
    counts.shortest = i == 0 ? steps : std::min(counts.shortest, steps);
    counts.longest = std::max(counts.longest, steps);
    counts.successful += dataset.info(i).success;
  }
  return counts;
}

void print_file(const std::string& path, const DemonstrationDataset& dataset) {
  const EpisodeCounts counts = count_episodes(dataset);
  const EpisodeInfo& first = dataset.info(0);
  fmt::print("{}\n", path);
  fmt::print("  task          {}\n  instruction   {}\n", printable(first.task), printable(first.instruction));
  fmt::print("  episodes      {}, {} of them successful\n", dataset.size(), counts.successful);
  fmt::print("  control steps {}, {} to {} an episode, {:.1f} on average\n", counts.total, counts.shortest,
             counts.longest, static_cast<double>(counts.total) / static_cast<double>(dataset.size()));
  const Recording& recording = dataset.recording();
  if (!recording.robot.empty()) fmt::print("  robot         {}\n", printable(recording.robot));
  if (recording.frames_per_second > 0) fmt::print("  rate          {:g} a second\n", recording.frames_per_second);
  print_columns("actions", dataset.action_width(), first.control_mode, recording.action_names);
  print_columns("states", dataset.state_width(), "", recording.state_names);
  for (const std::string& camera : dataset.cameras()) {
    const auto [height, width] = dataset.frame_size(camera);
    fmt::print("  camera        {}, {} x {} pixels\n", printable(camera), height, width);
  }
  print_left_out(dataset.left_out());
  for (const auto& [low, high] : dataset.seeds_tried()) fmt::print("  seeds tried   {} to {}\n", low, high);
}

Json json_of(const std::vector<LeftOut>& left_out) {
  Json list = Json::array();
  for (const auto& [where, why] : left_out) list.push_back({{"where", where}, {"why", why}});
  return list;
}

Json json_of(const std::string& path, const DemonstrationDataset& dataset) {
  const EpisodeCounts counts = count_episodes(dataset);
  const EpisodeInfo& first = dataset.info(0);
  const Recording& recording = dataset.recording();
  Json cameras = Json::array();
  for (const std::string& camera : dataset.cameras()) {
    const auto [height, width] = dataset.frame_size(camera);
    cameras.push_back({{"name", camera}, {"height", height}, {"width", width}});
  }
  return {{"path", path},
          {"task", first.task},
          {"instruction", first.instruction},
          {"episodes", dataset.size()},
          {"successful", counts.successful},
          {"control_steps", {{"total", counts.total}, {"shortest", counts.shortest}, {"longest", counts.longest}}},
          {"robot", recording.robot},
          {"rate", recording.frames_per_second},
          {"control_mode", first.control_mode},
          {"actions", {{"width", dataset.action_width()}, {"names", recording.action_names}}},
          {"states", {{"width", dataset.state_width()}, {"names", recording.state_names}}},
          {"cameras", cameras},
          {"seeds_tried", dataset.seeds_tried()},
          {"left_out", json_of(dataset.left_out())}};
}

void run_info(const DataOptions& options) {
  const auto [files, left_out] = find_demonstrations(options.paths);
  if (options.json) {
    Json json = {{"files", Json::array()}, {"left_out", json_of(left_out)}};
    for (const std::string& file : files)
      json["files"].push_back(json_of(file, DemonstrationDataset({file}, options.instruction)));
    if (files.size() > 1) const DemonstrationDataset fits_together(files, options.instruction);
    return print_json(json);
  }
  for (const std::string& file : files) print_file(file, DemonstrationDataset({file}, options.instruction));
  print_left_out(left_out);
  if (files.size() < 2) return;
  const DemonstrationDataset all(files, options.instruction);
  fmt::print("{} files, {} episodes, which fit together\n", files.size(), all.size());
}

std::vector<CountedProblem> each_once(const std::vector<Problem>& problems) {
  std::vector<CountedProblem> counted;
  for (const Problem& problem : problems) counted.push_back({problem, 1});
  return counted;
}

void require_none(const DemonstrationCheck& check, const DataOptions& options) {
  if (check.problems.empty()) return;
  throw FormatError({"the demonstrations cannot all be used", options.paths[0],
                     std::to_string(check.problems.size()) + " problems", "none", "mend what is listed above"});
}

Json json_of(const DemonstrationCheck& check) {
  Json problems = Json::array();
  for (const Problem& problem : check.problems) {
    problems.push_back({{"what", problem.what},
                        {"where", problem.where},
                        {"got", problem.got},
                        {"expected", problem.expected},
                        {"next_step", problem.next_step}});
  }
  return {{"files", check.files},
          {"episodes", check.episodes},
          {"frames", check.frames},
          {"left_out", json_of(check.left_out)},
          {"problems", problems}};
}

/// "", or ", 2 left out".
std::string left_out_text(const DemonstrationCheck& check) {
  return check.left_out.empty() ? "" : fmt::format(", {} left out", check.left_out.size());
}

void run_check(const DataOptions& options) {
  ProgressLine line;
  const DemonstrationCheck check = check_demonstrations(
      options.paths, options.instruction, [&](const std::string& file, int64_t frames, int64_t total) {
        line.show("frame", frames, total, std::filesystem::path(file).filename().string());
      });
  line.clear();
  if (options.json) {
    print_json(json_of(check));
    return require_none(check, options);
  }
  for (const auto& [problem, times] : options.all ? each_once(check.problems) : alike_together(check.problems)) {
    fmt::print("{}{}\n", to_text(problem), times > 1 ? fmt::format("\n  and {} more like it (--all)", times - 1) : "");
  }
  print_left_out(check.left_out);
  fmt::print("{} files, {} episodes, {} frames read: {} problems{}\n", check.files, check.episodes, check.frames,
             check.problems.size(), left_out_text(check));
  require_none(check, options);
}

void print_table(const std::string& title, const Statistics& statistics, const std::vector<std::string>& names) {
  fmt::print("{}, {} rows\n  {:<16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n", title, statistics.count, "column", "min",
             "1 %", "mean", "99 %", "max", "std");
  for (size_t i = 0; i < names.size(); ++i) {
    fmt::print("  {:<16}{:>10.4f}{:>10.4f}{:>10.4f}{:>10.4f}{:>10.4f}{:>10.4f}\n", names[i], statistics.min[i],
               statistics.q01[i], statistics.mean[i], statistics.q99[i], statistics.max[i], statistics.std[i]);
  }
}

void run_stats(const DataOptions& options) {
  const DemonstrationDataset dataset(options.paths, options.instruction);
  const EpisodeStatistics statistics = episode_statistics(dataset);
  if (options.json) {
    fmt::print("{}\n", write_config(statistics));
    return;
  }
  print_table("actions", statistics.actions, action_names(dataset));
  std::vector<std::string> names = dataset.recording().state_names;
  for (int64_t i = std::ssize(names) + 1; i <= dataset.state_width(); ++i)
    names.push_back(fmt::format("position {}", i));
  if (!names.empty()) print_table("states", statistics.states, names);
}

/// `count` places from 0 to `last`, both included, as evenly as whole numbers allow.
std::vector<int64_t> spread(int64_t last, int64_t count) {
  count = std::min(count, last + 1);
  std::vector<int64_t> places;
  for (int64_t i = 0; i < count; ++i) places.push_back(count > 1 ? i * last / (count - 1) : 0);
  return places;
}

void write_sheet(const DemonstrationDataset& dataset, const std::string& camera, const DataOptions& options) {
  constexpr int64_t kPlotHeight = 320;
  const Episode episode = dataset.read(options.episode);
  const EpisodeInfo& info = episode.info;
  const auto pictures = dataset.open_frames(options.episode, camera);
  std::vector<Image> frames;
  std::vector<std::string> captions;
  for (const int64_t frame : spread(info.control_steps, options.frames)) {
    frames.push_back(pictures->read(frame));
    captions.push_back(fmt::format("step {}", frame));
  }
  const std::string title =
      fmt::format("{} · episode {}\n{}\n{} control steps · {} · {} · seed {}", info.task, options.episode,
                  info.instruction, info.control_steps, info.control_mode, camera, info.seed);
  const Image sheet = draw_contact_sheet(title, frames, captions, options.columns);
  const auto names = action_names(dataset);
  write_png(options.out, stack_vertically({sheet, draw_action_plot(episode.actions, names, sheet.width, kPlotHeight)}));
}

void write_video(const DemonstrationDataset& dataset, const std::string& camera, const DataOptions& options) {
  constexpr int64_t kHeight = 440;
  constexpr int64_t kPlotWidth = 560;
  const Episode episode = dataset.read(options.episode);
  const auto names = action_names(dataset);
  const auto [height, width] = dataset.frame_size(camera);
  const int64_t frame_width = std::max<int64_t>(1, width * kHeight / height);
  const double rate = dataset.recording().frames_per_second;
  const auto pictures = dataset.open_frames(options.episode, camera);
  VideoWriter video(options.out, kHeight, frame_width + kPlotWidth, rate > 0 ? rate : kUnknownRate);
  for (int64_t i = 0; i <= episode.info.control_steps; ++i) {
    const Image frame = resize(pictures->read(i), kHeight, frame_width);
    const int64_t cursor = std::min(i, episode.info.control_steps - 1);
    video.add(side_by_side({frame, draw_action_plot(episode.actions, names, kPlotWidth, kHeight, cursor)}));
  }
  video.close();
}

void run_view(const DataOptions& options) {
  const std::string ending = std::filesystem::path(options.out).extension().string();
  if (ending != ".png" && ending != ".mp4") {
    throw ConfigError({"the ending says what to draw", "--out", "\"" + options.out + "\"", "….png or ….mp4",
                       "name a picture or a video"});
  }
  const DemonstrationDataset dataset(options.paths, options.instruction);
  const std::string camera = options.camera.empty() ? dataset.cameras()[0] : options.camera;
  ending == ".png" ? write_sheet(dataset, camera, options) : write_video(dataset, camera, options);
  fmt::print("wrote {}\n", options.out);
}

void run_convert(const DataOptions& options) {
  if (std::filesystem::exists(options.out)) {
    throw ConfigError({"there is something already", "--out", options.out, "a folder that is not there yet",
                       "name another one, or remove this one"});
  }
  const DemonstrationDataset dataset(options.paths, options.instruction, options.resample);
  const auto pictures =
      choice_of<LeRobotPictures>(options.pictures, "there is no such way to keep pictures", "--pictures");
  AtomicDirectory folder(options.out);
  const StopSignal stop;
  ProgressLine line;
  const auto progress = [&](int64_t episode) {
    if (stop.requested())
      throw Interrupted({.what = "stopped, and nothing is kept", .where = options.out}, stop.received());
    line.show("episode", episode + 1, dataset.size(), "");
  };
  write_lerobot(dataset, folder.path().string(), {pictures, options.frames_per_second}, progress);
  folder.commit();
  line.clear();
  fmt::print("wrote {} episodes to {}\n", dataset.size(), options.out);
}

using Run = void (*)(const DataOptions&);

CLI::App* add_action(CLI::App& data, const std::string& name, const std::string& text, Run run,
                     const std::shared_ptr<DataOptions>& options) {
  CLI::App* action = data.add_subcommand(name, text);
  action->add_option("paths", options->paths, "Demonstrations: HDF5 files, LeRobot data sets or folders of them")
      ->required();
  add_instruction_option(*action, options->instruction);
  action->callback([run, options] { run(*options); });
  return action;
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "Look at demonstrations, check them, take their statistics and convert them");
  data->require_subcommand(1);
  const auto options = std::make_shared<DataOptions>();
  CLI::App* info =
      add_action(*data, "info", "Say which files, episodes, cameras and sizes there are", run_info, options);
  add_json_option(*info, options->json);
  CLI::App* check = add_action(*data, "check", "Read everything and report every problem", run_check, options);
  check->add_flag("--all", options->all, "List each problem, not each kind of them");
  add_json_option(*check, options->json);
  CLI::App* stats = add_action(*data, "stats", "Print the range and spread of actions and states", run_stats, options);
  add_json_option(*stats, options->json);
  CLI::App* view = add_action(*data, "view", "Draw one episode with its actions", run_view, options);
  view->add_option("--episode", options->episode, "Which episode, from 0")->capture_default_str();
  view->add_option("--camera", options->camera, "Which camera; without it, the first by name");
  view->add_option("--out", options->out, "The .png (a contact sheet) or .mp4 to write")->required();
  view->add_option("--frames", options->frames, "Pictures of a contact sheet")
      ->capture_default_str()
      ->check(CLI::Range(1, 200));
  view->add_option("--columns", options->columns, "Pictures a row of it")
      ->capture_default_str()
      ->check(CLI::Range(1, 50));
  add_training_command(*data, "encode", "Encode the frames once, for any number of trainings with --cache",
                       TrainingGoal::encoded_frames);
  CLI::App* convert = add_action(*data, "convert", "Write them in another layout", run_convert, options);
  convert->add_option("--to", options->to, "Layout: lerobot, a LeRobot data set of v3.0")
      ->required()
      ->check(CLI::IsMember({"lerobot"}));
  convert->add_option("--out", options->out, "Folder to write")->required();
  convert->add_option("--pictures", options->pictures, "png, which loses nothing, or mp4")->capture_default_str();
  add_resample_option(*convert, options->resample);
  convert->add_option("--fps", options->frames_per_second, "What to call their rate; without it, the data's own")
      ->check(CLI::Range(0.1, 1000.0));
}

}  // namespace physgen
