#include "train/training_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <physgen/core/statistics.h>
#include <physgen/core/version.h>
#include <physgen/files/manifest.h>

#include "core/json_file.h"
#include "media/html_page.h"
#include "media/line_chart.h"
#include "train/metrics_words.h"
#include "train/run_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// The curves of one kind of line, in the order in which their names first came.
class Curves {
 public:
  void take(double step, const ordered_json& numbers) {
    for (const auto& [name, value] : numbers.items()) {
      if (name != "step" && value.is_number()) add(name, step, value.get<double>());
    }
  }
  const Curve* find(const std::string& name) const {
    const auto found = std::find_if(curves_.begin(), curves_.end(), [&](const Curve& own) { return own.name == name; });
    return found == curves_.end() ? nullptr : &*found;
  }
  const std::vector<Curve>& all() const { return curves_; }

 private:
  void add(const std::string& name, double step, double value) {
    auto curve = std::find_if(curves_.begin(), curves_.end(), [&](const Curve& own) { return own.name == name; });
    if (curve == curves_.end()) curve = curves_.insert(curve, {.name = name, .steps = {}});
    curve->steps.push_back(step);
    curve->values.push_back(value);
  }

  std::vector<Curve> curves_;
};

// What metrics.jsonl says.
struct RunNumbers {
  Curves steps, evaluations, action_errors, saves;
  int64_t last = 0, skipped = 0, best = 0;
};

RunNumbers read_numbers(const fs::path& path) {
  RunNumbers numbers;
  each_json_line(path, kMetricsWords, LastLine::torn, [&](const JsonView& line, const std::string& text) {
    const ordered_json in_order = ordered_json::parse(text);
    const std::string kind = line.at("kind").text();
    const int64_t step = line.at("step").integer();
    const auto at = static_cast<double>(step);
    numbers.last = std::max(numbers.last, step);
    if (kind == "step") numbers.steps.take(at, in_order);
    if (kind == "save") numbers.saves.take(at, in_order);
    if (kind == "step" && line.flag_or("skipped", false)) ++numbers.skipped;
    if (kind != "evaluation") return;
    numbers.evaluations.take(at, in_order);
    if (line.has("action_errors")) numbers.action_errors.take(at, in_order["action_errors"]);
    if (line.flag_or("best", false)) numbers.best = step;
  });
  return numbers;
}

// Without what is 0 throughout: a loss that was not asked for.
std::vector<Curve> learned(const Curves& curves) {
  std::vector<Curve> kept;
  for (const Curve& curve : curves.all()) {
    const auto is_zero = [](double value) { return value == 0; };
    if (!std::all_of(curve.values.begin(), curve.values.end(), is_zero)) kept.push_back(curve);
  }
  return kept;
}

std::string losses(const RunNumbers& numbers) {
  static const std::vector<std::string> of_speed = {"gradient_norm", "learning_rate", "seconds", "waiting_seconds",
                                                    "samples_per_second"};
  std::vector<Curve> curves;
  for (const Curve& curve : learned(numbers.steps)) {
    if (std::find(of_speed.begin(), of_speed.end(), curve.name) == of_speed.end()) curves.push_back(curve);
  }
  return "<h2>Losses over steps</h2>\n" + line_chart(curves, Scale::logarithmic);
}

// A chart for each number: they are of different units.
std::string charts(std::vector<Curve> curves, Scale scale) {
  std::string page = "<div class=\"charts\">\n";
  for (Curve& curve : curves) {
    curve.name = with_spaces(curve.name);
    page += line_chart({curve}, scale);
  }
  return page + "</div>\n";
}

std::string held_out(const RunNumbers& numbers) {
  if (numbers.evaluations.all().empty())
    return "<h2>Held-out episodes</h2>\n<p class=\"faint\">There was no evaluation yet.</p>\n";
  return "<h2>Held-out episodes</h2>\n<p class=\"faint\">observation, action: the losses on frames and on actions. "
         "action "
         "error: the mean absolute error of sampled actions, each dimension scaled to [-1, 1]. Of a VAE: the mean "
         "absolute error of values in [-1, 1], and the peak signal to noise in dB.</p>\n" +
         charts(learned(numbers.evaluations), Scale::logarithmic);
}

// Empty where the curve has no value at a step.
std::string number_at(const Curve& curve, int64_t step) {
  const auto found = std::find(curve.steps.begin(), curve.steps.end(), static_cast<double>(step));
  return found == curve.steps.end() ? "" : short_number(curve.values[static_cast<size_t>(found - curve.steps.begin())]);
}

std::string by_dimension(const RunNumbers& numbers) {
  if (numbers.action_errors.all().empty()) return "";
  std::string table =
      "<h2>Held-out error of actions by dimension, in the data's units</h2>\n<table><tr><th>dimension<th>first "
      "evaluation<th>best<th>last</tr>\n";
  for (const Curve& curve : numbers.action_errors.all()) {
    table += "<tr><td>" + html_text(curve.name);
    for (const std::string& number :
         {short_number(curve.values.front()), number_at(curve, numbers.best), short_number(curve.values.back())}) {
      table += "<td class=\"whole\">" + number;
    }
    table += "</tr>\n";
  }
  return table + "</table>\n";
}

double sum_of(const Curve* curve) {
  double sum = 0;
  for (const double value : curve ? curve->values : std::vector<double>()) sum += value;
  return sum;
}

std::string last_of(const Curve* curve, const std::string& unit) {
  return curve ? short_number(curve->values.back()) + unit : "";
}

std::string speed(const RunNumbers& numbers) {
  const Curve* seconds = numbers.steps.find("seconds");
  if (!seconds) return "";
  const double all = std::max(sum_of(seconds), 1e-9);
  std::vector<Curve> curves;
  for (const char* name : {"seconds", "gradient_norm", "learning_rate"}) {
    if (const Curve* curve = numbers.steps.find(name)) curves.push_back(*curve);
  }
  return "<h2>Speed and steps</h2>\n" +
         html_of({{"a step", short_number(median(seconds->values)) + " s in the median, " +
                                 short_number(all / static_cast<double>(seconds->values.size())) + " s in the mean"},
                  {"all steps", short_number(all) + " s"},
                  {"waiting for data",
                   short_number(100 * sum_of(numbers.steps.find("waiting_seconds")) / all) + " % of it"},
                  {"held up by saves", short_number(sum_of(numbers.saves.find("stalled_seconds"))) + " s"},
                  {"memory of the process at most", last_of(numbers.saves.find("peak_resident_mib"), " MiB")},
                  {"steps skipped, as not finite", numbers.skipped > 0 ? std::to_string(numbers.skipped) : ""}}) +
         charts(curves, Scale::linear);
}

std::string picture(const fs::path& folder, const std::string& name, const std::string& title) {
  if (!fs::exists(RunFolder(folder).best() / name)) return "";
  return "<h2>" + title + "</h2>\n<img src=\"best/" + name + "\" alt=\"" + title + "\">\n";
}

std::string pictures(const fs::path& folder) {
  return picture(folder, kReconstructionsName, "Held-out frames, and below them what the VAE makes of them") +
         picture(
             folder, kImaginedName,
             "Held-out clips: the last frame seen, the next one as the policy imagines it, the next one as it came");
}

struct Setting {
  std::string name, value, from;
};

// The settings one by one, by their dotted paths; a list is one.
void flatten(const nlohmann::json& value, const std::string& path, std::vector<Setting>& settings) {
  if (!value.is_object()) return settings.push_back({path, value.dump(), "default"});
  for (const auto& [key, child] : value.items()) flatten(child, path.empty() ? key : path + "." + key, settings);
}

Setting* find(std::vector<Setting>& settings, const std::string& name) {
  const auto found = std::ranges::find(settings, name, &Setting::name);
  return found == settings.end() ? nullptr : &*found;
}

// What a run begins from decides the model, and --camera the cameras, whatever the config says.
void overlay(const JsonView& job, std::vector<Setting>& settings) {
  const bool begins_from_a_policy = !job.text_or("init", "").empty();
  for (Setting& setting : settings) {
    if (begins_from_a_policy && (setting.name.starts_with("model.") || setting.name.starts_with("canvas."))) {
      setting.from = "not used where --init has it";
    }
  }
  Setting* cameras = find(settings, "canvas.cameras");
  if (cameras && job.has("cameras") && !job.at("cameras").items().empty()) {
    cameras->value = job.at("cameras").value().dump();
    cameras->from = "--camera";
  }
}

// May be broken there where it does not fit, and nowhere else.
std::string broken_at_dots(const std::string& name) {
  std::string text;
  for (const char letter : name) text += letter == '.' ? ".<wbr>" : std::string(1, letter);
  return text;
}

std::string settings_of(const JsonView& job) {
  std::vector<Setting> settings;
  flatten(job.at("config").value(), "", settings);
  for (const JsonView& origin : job.has("origins") ? job.at("origins").items() : std::vector<JsonView>()) {
    if (Setting* setting = find(settings, origin.at("setting").text())) setting->from = origin.at("from").text();
  }
  overlay(job, settings);
  std::string table = "<h2>Settings, and where each came from</h2>\n<table><tr><th>setting<th>value<th>from</tr>\n";
  for (const auto& [name, value, from] : settings) {
    table += "<tr><td class=\"name\">" + broken_at_dots(html_text(name)) + "<td>" + html_text(value) +
             (from == "default" ? "<td class=\"faint\">" : "<td>") + html_text(from) + "</tr>\n";
  }
  return table + "</table>\n";
}

// What a run was given besides its settings.
std::string inputs_of(const JsonView& job) {
  nlohmann::json inputs = job.value();
  for (const char* shown : {"config", "origins", "command"}) inputs.erase(shown);
  return inputs.dump(2);
}

std::string provenance(const fs::path& folder, const JsonView& job) {
  const fs::path manifest = RunFolder(folder).best() / kManifestName;
  return "<h2>To do it again</h2>\n" +
         html_of(std::vector<HtmlFact>{{"begun by", job.text_or("command", "")},
                                       {"this page is by", version_text()},
                                       {"SHA-256 of best/'s manifest, when this page was written",
                                        fs::exists(manifest) ? sha256_of_file(manifest) : ""},
                                       {"from", inputs_of(job)}});
}

}  // namespace

bool holds_training(const fs::path& folder) {
  return RunFolder(folder).holds_run() && fs::exists(RunFolder(folder).metrics());
}

std::string training_report(const fs::path& folder) {
  const RunNumbers numbers = read_numbers(RunFolder(folder).metrics());
  const JsonView job = read_json_file(RunFolder(folder).job_file());
  const std::string name = fs::absolute(folder).lexically_normal().string();
  std::string body = "<h1>" + html_text(name) + "</h1>\n<p>" + std::to_string(numbers.last) + " steps done";
  if (numbers.best > 0) body += "; best on held-out episodes after step " + std::to_string(numbers.best);
  body += ".</p>\n" + losses(numbers) + held_out(numbers) + by_dimension(numbers) + pictures(folder) + speed(numbers) +
          settings_of(job) + provenance(folder, job);
  return html_page(name, body);
}

}  // namespace physgen
