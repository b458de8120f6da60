#include <physgen/policy/checkpoint_summary.h>

#include <filesystem>
#include <sstream>

#include <physgen/core/version.h>

#include "core/first_few.h"

namespace physgen {
namespace {

// Text within a line of a table.
std::string cell(std::string text) {
  for (size_t at = text.find_first_of("|\n"); at != text.npos; at = text.find_first_of("|\n", at + 2)) {
    text.replace(at, 1, text[at] == '|' ? "\\|" : "  ");
  }
  return text;
}

std::string listed(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : "; ") + text;
  return list;
}

class Table {
 public:
  void add(const std::string& name, const std::string& value) {
    if (!value.empty()) rows_ += "| " + cell(name) + " | " + cell(value) + " |\n";
  }
  std::string text() const { return "| | |\n|---|---|\n" + rows_; }

 private:
  std::string rows_;
};

std::string number_or_nothing(double value, const std::string& unit) {
  std::ostringstream text;
  text << value << unit;
  return value > 0 ? text.str() : "";
}

std::string policy_table(const PolicyConfig& policy) {
  const CodecConfig& codec = policy.model.codec;
  Table table;
  table.add("tasks", listed(policy.tasks));
  table.add("instructions", listed(policy.instructions));
  table.add("robot", policy.robot);
  table.add("cameras", listed(policy.canvas.cameras));
  table.add("canvas", std::to_string(policy.canvas.height) + " x " + std::to_string(policy.canvas.width) + " pixels");
  table.add("actions",
            policy.control_mode + ", " + std::to_string(codec.action_width) + " numbers: " +
                (policy.action_names.empty() ? "as the control mode has them" : listed(policy.action_names)));
  table.add("chunk",
            std::to_string(codec.chunk) + " actions, of which " + std::to_string(codec.execute) + " are executed");
  table.add("rate", number_or_nothing(policy.frames_per_second, " control steps a second"));
  table.add("looks back on", std::to_string(policy.model.packs) + " frames with their actions");
  table.add("reads the robot's state", codec.state_token ? std::to_string(codec.state_width) + " numbers" : "no");
  table.add("steps of training", std::to_string(policy.step));
  table.add("SHA-256 of the demonstrations", policy.data_sha256);
  for (const auto& [first, last] : policy.seeds_tried) {
    table.add("seeds of the demonstrations", std::to_string(first) + " to " + std::to_string(last));
  }
  return table.text();
}

std::string use_of(const CheckpointSummary& summary) {
  if (!summary.policy) return "";
  return "\n## Use\n\n```sh\nphysgen rollout --checkpoint " + summary.path +
         " --env SIMULATOR:TASK --out evaluation\nphysgen serve --checkpoint " + summary.path + "\n```\n\n" +
         (summary.policy->seeds_tried.empty()
              ? "The demonstrations name no seeds: evaluate with seeds that none of them began with.\n"
              : "A seed of the demonstrations is no test; `physgen rollout` leaves them out.\n");
}

std::string files_of(const CheckpointSummary& summary) {
  std::string text;
  for (const ManifestFile& file : summary.files) {
    text += "| `" + file.name + "` | " + std::to_string(file.size) + " | `" + file.sha256 + "` |\n";
  }
  return text.empty() ? "" : "\n## Files\n\n| file | bytes | SHA-256 |\n|---|---|---|\n" + text;
}

}  // namespace

std::string to_card(const CheckpointSummary& summary) {
  const bool knows_tasks = summary.policy && !summary.policy->tasks.empty();
  const std::string name = knows_tasks ? "PhysGen for " + first_few(summary.policy->tasks, 3)
                                       : std::filesystem::path(summary.path).filename().string();
  std::string text = "---\nlibrary_name: physgen\npipeline_tag: robotics\n---\n\n# " + name + "\n\nA " + summary.kind +
                     " of " + version_text() + ".\n\n";
  if (summary.policy) text += policy_table(*summary.policy);
  text += "\n## Parameters\n\n| part | parameters |\n|---|---|\n";
  for (const PartSize& part : summary.parts)
    text += "| " + part.name + " | " + std::to_string(part.parameters) + " |\n";
  return text + use_of(summary) + files_of(summary);
}

}  // namespace physgen
