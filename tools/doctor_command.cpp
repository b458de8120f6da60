#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <physgen/core/error.h>
#include <physgen/device/machine.h>
#include <physgen/media/video_writer.h>
#include <physgen/rollout/simulator_process.h>

#include "commands.h"
#include "core/stopwatch.h"
#include "json_output.h"
#include "kernels/kernel_report.h"
#include "rollout/worker_program.h"
#include "shared_options.h"
#include "simulator_options.h"
#include "worker_check.h"

namespace physgen {
namespace {

constexpr const char* kOk = "ok";
constexpr const char* kWarning = "warning";
constexpr const char* kOff = "off";
constexpr const char* kFail = "FAIL";
constexpr double kGiB = 1024.0 * 1024 * 1024;

struct Check {
  std::string name;
  std::string state;
  std::string text;
  std::string remedy = {};
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }
std::string last_line(const std::string& text) { return text.substr(text.find_last_of('\n') + 1); }

Check failure_of(const std::string& name, const Problem& problem) {
  std::string text = problem.what;
  for (const std::string& part : {problem.where, problem.got}) {
    if (!part.empty()) text += ": " + first_line(part);
  }
  return {name, kFail, text, problem.next_step.empty() ? setup_command() : first_line(problem.next_step)};
}

/// Runs `work`, which returns the text of a check that holds and throws Error where it does not.
template <class Work>
Check attempt(const std::string& name, Work work) {
  try {
    return {name, kOk, work()};
  } catch (const SimulatorFailure& error) {  // its next step is what the simulator printed
    return {name, kFail, first_line(error.what()) + ": " + last_line(error.problem().next_step), setup_command()};
  } catch (const Error& error) {
    return failure_of(name, error.problem());
  }
}

Check check_torch(const MachineReport& machine) {
  if (machine.torch_problem.empty()) {
    return {"LibTorch", kOk, machine.torch_version + " from " + machine.torch_library};
  }
  return {"LibTorch", kFail, first_line(machine.torch_problem), setup_command() + " and build again"};
}

Check check_cpu(const MachineReport& machine) {
  std::string text = fmt::format("{}, {} threads", machine.cpu_name, machine.threads);
  if (machine.avx512_bf16) text += ", AVX512-BF16";
  if (machine.amx_bf16) text += ", AMX";
  if (machine.avx512_bf16 || machine.amx_bf16) return {"CPU", kOk, text};
  return {"CPU", kWarning, text + ", neither AVX512-BF16 nor AMX", "none needed: float32 serves, more slowly"};
}

Check check_kernel(const KernelReport& report) {
  const std::string what = fmt::format("{} ({})", report.names, report.instruction_set);
  switch (report.state) {
    case KernelReport::State::used:
      return {"kernels", kOk, what + ": agree with PyTorch's operators on this CPU"};
    case KernelReport::State::unsuited:
      return {"kernels", kOk, what + ": PyTorch's operators are quicker on this CPU"};
    case KernelReport::State::off:
      return {"kernels", kOff, what, "none needed: PyTorch's operators serve; unset PHYSGEN_KERNELS to use them"};
    default:
      return {"kernels", kWarning, what + ": " + report.problem, "none needed: PyTorch's operators serve, more slowly"};
  }
}

std::vector<Check> check_kernels() {
  std::vector<Check> checks;
  const Check read = attempt("kernels", [&] {
    for (const KernelReport& report : kernel_reports()) checks.push_back(check_kernel(report));
    return std::string();
  });
  return checks.empty() ? std::vector{read} : checks;
}

Check check_gpu(const GpuReport& gpu) {
  if (!gpu.problem.empty()) {
    return {"CUDA", kFail, gpu.name + ": " + first_line(gpu.problem), "update the NVIDIA driver, or use --device cpu"};
  }
  return {"CUDA", kOk,
          fmt::format("{}, compute capability {}, {:.0f} GiB", gpu.name, gpu.compute_capability,
                      static_cast<double>(gpu.memory_bytes) / kGiB)};
}

std::vector<Check> check_cuda(const MachineReport& machine) {
  if (!machine.cuda_built && !machine.cuda_driver) return {{"CUDA", kOk, "not built in, and no NVIDIA driver here"}};
  if (!machine.cuda_built) {
    return {{"CUDA", kWarning, "not built in, though there is an NVIDIA driver",
             "configure with cmake -C cmake/cuda.cmake and build again"}};
  }
  if (machine.gpus.empty()) {
    return {{"CUDA", kWarning, "built in, but no GPU is usable: " + machine.cuda_problem,
             machine.cuda_driver ? "update the NVIDIA driver" : "install the NVIDIA driver, or compute on the CPU"}};
  }
  std::vector<Check> checks;
  for (const GpuReport& gpu : machine.gpus) checks.push_back(check_gpu(gpu));
  return checks;
}

std::string seconds_of(const Stopwatch& stopwatch) { return fmt::format("{:.1f} s", stopwatch.seconds()); }

void require_picture(const Image& picture) {
  const auto [darkest, brightest] = std::minmax_element(picture.pixels.begin(), picture.pixels.end());
  if (!picture.pixels.empty() && *darkest != *brightest) return;
  throw Error({.what = "the picture is blank", .next_step = setup_command()});
}

std::vector<Check> check_simulator() {
  SimulatorConfig config;
  config.task = "PushCube-v1";
  std::unique_ptr<SimulatorProcess> simulator;
  const Check started = attempt("ManiSkill", [&] {
    const Stopwatch stopwatch;
    simulator = std::make_unique<SimulatorProcess>(config);
    return config.task + " starts in " + seconds_of(stopwatch);
  });
  if (!simulator) return {started, {"renderer", kWarning, "not tried: it needs ManiSkill"}};
  return {started, attempt("renderer", [&] {
            const Stopwatch stopwatch;
            require_picture(simulator->reset({config.task, 0}).views.at(0));
            return fmt::format("an episode starts with a picture of {0} x {0} in {1}", config.size,
                               seconds_of(stopwatch));
          })};
}

// LIBERO is set up by those who want it: without it nothing else fails.
Check check_libero() {
  const SimulatorConfig config{
      .simulator = "libero", .task = "libero_object", .cameras = {"agentview"}, .control_mode = "osc_pose"};
  Check check = attempt("LIBERO", [&] {
    const SimulatorDescription there = SimulatorProcess::describe(config);
    const Stopwatch stopwatch;
    SimulatorProcess simulator(config);
    require_picture(simulator.reset({there.tasks.at(0).name, 0}).views.at(0));
    return "an episode of " + config.task + " starts in " + seconds_of(stopwatch);
  });
  if (check.state == kFail) check.state = kWarning;
  return check;
}

Check check_video() {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("physgen_doctor_{}.mp4", getpid());
  const Check check = attempt("video", [&] {
    constexpr int64_t kSide = 32;
    VideoWriter video(path.string(), kSide, kSide, 20);
    video.add({kSide, kSide, std::vector<uint8_t>(kSide * kSide * 3, 128)});
    video.close();
    return std::string("H.264 is encoded");
  });
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return check;
}

Check check_disk() {
  constexpr double kNeeded = 10 * kGiB;  // a full-size training checkpoint, about
  std::error_code code;
  const auto free = static_cast<double>(std::filesystem::space(".", code).available);
  if (code) return {"disk", kWarning, "free space is unknown: " + code.message()};
  const std::string text = fmt::format("{:.0f} GiB free in the working directory", free / kGiB);
  if (free >= kNeeded) return {"disk", kOk, text};
  return {"disk", kWarning, text,
          "make room, or work on another disk: a full-size training checkpoint takes about 10 GiB"};
}

/// A line of /proc/meminfo in bytes; 0 where it is not there.
double memory_of(const std::string& name) {
  std::ifstream file("/proc/meminfo");
  std::string key;
  for (double kilobytes = 0; file >> key >> kilobytes; std::getline(file, key)) {
    if (key == name + ":") return kilobytes * 1024;
  }
  return 0;
}

Check check_memory() {
  constexpr double kNeeded = 4 * kGiB;
  const double free = memory_of("MemAvailable");
  const std::string text = fmt::format("{:.1f} of {:.1f} GiB free", free / kGiB, memory_of("MemTotal") / kGiB);
  if (free >= kNeeded) return {"memory", kOk, text};
  return {"memory", kWarning, text, "end other programs, or train with a smaller model"};
}

void print(const Check& check) {
  fmt::print("{:<8} {:<10} {}\n", check.state, check.name, check.text);
  if (!check.remedy.empty()) fmt::print("{:<19} -> {}\n", "", check.remedy);
  std::fflush(stdout);
}

nlohmann::ordered_json json_of(const std::vector<Check>& checks) {
  auto list = nlohmann::ordered_json::array();
  for (const Check& check : checks) {
    list.push_back({{"name", check.name}, {"state", check.state}, {"text", check.text}, {"remedy", check.remedy}});
  }
  return list;
}

void run_doctor(bool json) {
  std::vector<Check> all;
  const auto add = [&](const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      all.push_back(check);
      if (!json) print(check);
    }
  };
  const MachineReport machine = inspect_machine();
  add({check_torch(machine), check_cpu(machine)});
  add(check_kernels());
  add(check_cuda(machine));
  add({check_memory(), check_disk(), check_video()});
  add(check_simulator());
  add({check_libero()});
  if (json) print_json(json_of(all));
  if (machine.torch_problem.empty()) return;
  throw Error({.what = "LibTorch does not work", .got = first_line(machine.torch_problem), .next_step = all[0].remedy});
}

}  // namespace

void add_doctor_command(CLI::App& app) {
  CLI::App* doctor = app.add_subcommand("doctor", "Try what PhysGen needs on this machine");
  const auto json = std::make_shared<bool>(false);
  const auto environment = std::make_shared<std::string>();
  const auto simulator = std::make_shared<SimulatorConfig>();
  CLI::Option* env = doctor->add_option("--env", *environment, "Try this simulator alone: NAME:TASK of a --worker");
  add_json_option(*doctor, *json);
  env->excludes(doctor->get_option("--json"));
  add_worker_options(*doctor, *simulator);
  for (const char* option : {"--worker", "--python"}) doctor->get_option(option)->needs(env);
  doctor->callback([=] {
    if (environment->empty()) return run_doctor(*json);
    std::tie(simulator->simulator, simulator->task) = parse_environment_name(*environment);
    check_worker(*simulator);
  });
}

}  // namespace physgen
