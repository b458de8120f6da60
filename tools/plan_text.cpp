#include "plan_text.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

namespace physgen {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kNumber = "  {:<44}{:>12}\n";

// "1.94 GiB", "210 MiB", "12 KiB"
std::string size_text(int64_t bytes) {
  const auto size = static_cast<double>(bytes);
  if (bytes >= 1 << 30) return fmt::format("{:.2f} GiB", size / (1 << 30));
  return bytes >= 1 << 20 ? fmt::format("{:.1f} MiB", size / (1 << 20)) : fmt::format("{:.1f} KiB", size / (1 << 10));
}

std::string count_text(int64_t count) {
  const auto size = static_cast<double>(count);
  if (count == 0) return "-";
  return count >= 1000000 ? fmt::format("{:.2f} M", size / 1e6) : fmt::format("{:.1f} K", size / 1e3);
}

std::string time_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  return seconds < 7200 ? fmt::format("{:.0f} min", seconds / 60) : fmt::format("{:.1f} h", seconds / 3600);
}

std::string run_text(const TrainingPlan& plan) {
  const std::string shared = plan.ranks > 1 ? fmt::format(" of {} processes", plan.ranks) : "";
  return fmt::format(
      "{} steps of {} windows, {} at a time{}, on {} in {}\n"
      "{} different windows, each seen {:.1f} times; {} held out; {} frames to encode\n",
      plan.steps, plan.batch, plan.micro_batch, shared, plan.device, plan.precision, plan.windows, plan.epochs(),
      plan.held_out_windows, plan.frames);
}

std::string parameters_text(const TrainingPlan& plan) {
  std::string text =
      fmt::format("\n{:<22}{:>12}{:>12}\n", "parameters, mode " + std::string(text_of(plan.mode)), "trained", "frozen");
  PlannedPart all{"all"};
  const auto line = [&](const PlannedPart& part) {
    text += fmt::format("  {:<20}{:>12}{:>12}\n", part.name, count_text(part.trained), count_text(part.frozen));
  };
  for (const PlannedPart& part : plan.parts) {
    line(part);
    all.trained += part.trained;
    all.frozen += part.frozen;
  }
  line(all);
  return text;
}

std::string room_text(const std::string& title, const PlannedRoom& room) {
  std::string text = "\n" + title + "\n";
  for (const PlannedBytes& part : room.parts) text += fmt::format(kNumber, part.name, size_text(part.bytes));
  for (const PlannedBytes& phase : room.phases) {
    const char* most = room.phases.size() > 1 && phase.bytes == room.peak ? "  the most" : "";
    text += fmt::format("  {:<44}{:>12}{}\n", "= " + phase.name, size_text(phase.bytes), most);
  }
  return text;
}

std::string verdict(const std::string& what, int64_t needed, int64_t free, const std::string& cure) {
  if (free == 0) return fmt::format("{}: {} needed; what is free is not known\n", what, size_text(needed));
  if (needed <= free) return fmt::format("{}: {} of {} free: it fits\n", what, size_text(needed), size_text(free));
  return fmt::format("warning: {}: {} needed, {} free: it does NOT fit\n  {}\n", what, size_text(needed),
                     size_text(free), cure);
}

// What would make it less, the most effective first.
std::string memory_cure(const TrainingPlan& plan) {
  std::string text = plan.micro_batch > 1 ? "raise accumulation (--set accumulation=N)" : "take a smaller model";
  if (plan.precision == "float32") text += ", --set precision=bfloat16";
  if (plan.mode == TrainMode::full) text += ", or with --init --set mode=lora";
  return text;
}

std::string verdicts(const TrainingPlan& plan) {
  std::string what = "memory of " + plan.device;
  if (plan.memory_of_all() != plan.memory.peak) what += fmt::format(", {} processes", plan.ranks);
  return "\n" + verdict(what, plan.memory_of_all(), plan.memory.free, memory_cure(plan)) +
         verdict("disk of " + plan.folder, plan.disk.peak, plan.disk.free,
                 "lower keep_last or augmentation.variants, or put --cache elsewhere");
}

std::string measured_text(const TrainingPlan& plan) {
  if (!plan.measured) return "";
  const MeasuredSteps& measured = *plan.measured;
  const double training = measured.seconds * static_cast<double>(plan.steps);
  std::string text = "\nmeasured on random windows\n";
  text += fmt::format(kNumber, fmt::format("memory in a step ({} planned)", size_text(plan.memory.phases.back().bytes)),
                      size_text(measured.peak_memory));
  text += fmt::format(kNumber, "a step", fmt::format("{:.2f} s", measured.seconds));
  text += fmt::format(kNumber, "encoding all frames, reading them aside", time_text(measured.encoding_seconds));
  text += fmt::format(kNumber, "all steps", time_text(training));
  text += fmt::format(kNumber, "together, evaluations aside", time_text(measured.encoding_seconds + training));
  return text;
}

Json json_of(const std::vector<PlannedBytes>& parts) {
  Json json = Json::object();
  for (const PlannedBytes& part : parts) json[part.name] = part.bytes;
  return json;
}

Json json_of(const PlannedRoom& room) {
  return {{"parts", json_of(room.parts)}, {"phases", json_of(room.phases)}, {"peak", room.peak}, {"free", room.free}};
}

}  // namespace

std::string to_text(const TrainingPlan& plan) {
  const std::string owner = plan.ranks > 1 ? "memory, of each process" : "memory";
  return run_text(plan) + parameters_text(plan) + room_text(owner, plan.memory) + room_text("disk", plan.disk) +
         measured_text(plan) + verdicts(plan);
}

std::string to_json(const TrainingPlan& plan) {
  Json root = {
      {"device", plan.device},           {"precision", plan.precision}, {"processes", plan.ranks},
      {"mode", text_of(plan.mode)},      {"steps", plan.steps},         {"batch", plan.batch},
      {"micro_batch", plan.micro_batch}, {"windows", plan.windows},     {"held_out_windows", plan.held_out_windows},
      {"frames", plan.frames},           {"epochs", plan.epochs()}};
  for (const PlannedPart& part : plan.parts) {
    root["parameters"][part.name] = {{"trained", part.trained}, {"frozen", part.frozen}};
  }
  root["memory_bytes"] = json_of(plan.memory);
  root["disk_bytes"] = json_of(plan.disk);
  if (plan.measured) {
    root["measured"] = {{"seconds_a_step", plan.measured->seconds},
                        {"encoding_seconds", plan.measured->encoding_seconds},
                        {"peak_memory_bytes", plan.measured->peak_memory}};
  }
  return root.dump(2);
}

}  // namespace physgen
