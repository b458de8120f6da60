#include <physgen/train/training_report.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <physgen/core/statistics.h>
#include <physgen/core/version.h>
#include <physgen/files/manifest.h>

#include "core/json_file.h"
#include "files/sha256.h"
#include "media/html_page.h"
#include "media/line_chart.h"
#include "train/run_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr JsonWords kWords = {.damaged = "the metrics of a run are damaged",
                              .missing = "the metrics of a run cannot be read",
                              .next_step = "remove the line"};

// The curves of one kind of line, in the order in which their names first came.
class Curves {
 public:
  void take(double step, const JsonView& numbers) {
    for (const auto& [name, value] : numbers.members()) {
      if (name != "step" && value.value().is_number()) add(std::string(name), step, value.number());
    }
  }
  const Curve* find(const std::string& name) const {
    const auto found = std::find_if(curves_.begin(), curves_.end(), [&](const Curve& own) { return own.name == name; });
    return found == curves_.end() ? nullptr : &*found;
  }
  const std::vector<Curve>& all() const { return curves_; }

 private:
  void add(const std::string& name, double step, double value) {
    if (!find(name)) curves_.push_back({.name = name, .steps = {}});
    auto curve = std::find_if(curves_.begin(), curves_.end(), [&](const Curve& own) { return own.name == name; });
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
  each_json_line(path, kWords, LastLine::torn, [&](const JsonView& line, const std::string&) {
    const std::string kind = line.at("kind").text();
    const int64_t step = line.at("step").integer();
    const auto at = static_cast<double>(step);
    numbers.last = std::max(numbers.last, step);
    if (kind == "step") numbers.steps.take(at, line);
    if (kind == "save") numbers.saves.take(at, line);
    if (kind == "step" && line.flag_or("skipped", false)) ++numbers.skipped;
    if (kind != "evaluation") return;
    numbers.evaluations.take(at, line);
    if (line.has("action_errors")) numbers.action_errors.take(at, line.at("action_errors"));
    if (line.flag_or("best", false)) numbers.best = step;
  });
  return numbers;
}

std::string losses(const RunNumbers& numbers) {
  static const std::vector<std::string> of_speed = {"gradient_norm", "learning_rate", "seconds", "waiting_seconds",
                                                    "samples_per_second"};
  std::vector<Curve> curves;
  for (const Curve& curve : numbers.steps.all()) {
    if (std::find(of_speed.begin(), of_speed.end(), curve.name) == of_speed.end()) curves.push_back(curve);
  }
  return "<h2>Losses</h2>\n" + line_chart(curves, Scale::logarithmic);
}

std::string with_spaces(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
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
  return "<h2>Held-out episodes</h2>\n" + charts(numbers.evaluations.all(), Scale::logarithmic);
}

double value_at(const Curve& curve, int64_t step) {
  const auto found = std::find(curve.steps.begin(), curve.steps.end(), static_cast<double>(step));
  return found == curve.steps.end() ? curve.values.back()
                                    : curve.values[static_cast<size_t>(found - curve.steps.begin())];
}

std::string by_dimension(const RunNumbers& numbers) {
  if (numbers.action_errors.all().empty()) return "";
  std::string table =
      "<h2>Held-out error of actions by dimension</h2>\n<table><tr><th>dimension<th>first "
      "evaluation<th>best<th>last</tr>\n";
  for (const Curve& curve : numbers.action_errors.all()) {
    table += "<tr><td>" + html_text(curve.name);
    for (const double value : {curve.values.front(), value_at(curve, numbers.best), curve.values.back()}) {
      table += "<td>" + short_number(value);
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

std::string speed(const RunNumbers& numbers) {
  const Curve* seconds = numbers.steps.find("seconds");
  if (!seconds) return "";
  const double all = sum_of(seconds);
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
                  {"steps skipped, as not finite", numbers.skipped > 0 ? std::to_string(numbers.skipped) : ""}}) +
         charts(curves, Scale::linear);
}

std::string pictures(const fs::path& folder) {
  if (!fs::exists(folder / "best/reconstructions.png")) return "";
  return "<h2>Held-out frames, and what the VAE makes of them</h2>\n<img src=\"best/reconstructions.png\" "
         "alt=\"frames beside their reconstructions\">\n";
}

std::string provenance(const fs::path& folder) {
  const fs::path job = folder / "job.json";
  const fs::path manifest = folder / "best" / kManifestName;
  return "<h2>To do it again</h2>\n" +
         html_of(std::vector<HtmlFact>{
             {"command", read_json_file(job).text_or("command", "")},
             {"program", version_text()},
             {"best checkpoint's manifest's SHA-256", fs::exists(manifest) ? sha256_of_file(manifest) : ""},
             {"job, all settings", read_json_text(job)}});
}

}  // namespace

bool holds_training(const fs::path& folder) {
  return RunFolder(folder).holds_run() && fs::exists(RunFolder(folder).metrics());
}

std::string training_report(const fs::path& folder) {
  const RunNumbers numbers = read_numbers(RunFolder(folder).metrics());
  const std::string name = fs::absolute(folder).lexically_normal().string();
  std::string body = "<h1>" + html_text(name) + "</h1>\n<p>" + std::to_string(numbers.last) + " steps done";
  if (numbers.best > 0) body += "; best on held-out episodes after step " + std::to_string(numbers.best);
  body += ".</p>\n" + losses(numbers) + held_out(numbers) + by_dimension(numbers) + pictures(folder) + speed(numbers) +
          provenance(folder);
  return html_page(name, body);
}

}  // namespace physgen
