#pragma once

#include <physgen/core/choice.h>

#include <functional>
#include <string>
#include <vector>

namespace physgen {

/// What PHYSGEN_KERNELS in the environment says of hand-written kernels. Off: PyTorch's operators compute everything.
enum class KernelSetting { on, off };
constexpr auto choices_of(KernelSetting) {
  return std::to_array<Choice<KernelSetting>>({{KernelSetting::on, "on"}, {KernelSetting::off, "off"}});
}

/// The setting that a text of PHYSGEN_KERNELS stands for; null and empty are "on". Throws ConfigError for another.
KernelSetting kernel_setting(const char* text);

/// Whether this process uses some hand-written kernels of the CPU.
struct KernelReport {
  enum class State { used, unsuited, set_aside, off };  ///< unsuited: PyTorch's operators are quicker on this CPU
  State state = State::used;
  std::string names;            ///< of the kernels: "group_norm_silu and its gradient"
  std::string instruction_set;  ///< that they were compiled for and this CPU has: "x86-64-v4"
  std::string problem = {};     ///< of those that are set aside: where they differ, and by how much
};

/// Compares the kernels with PyTorch's operators on random numbers, in some milliseconds, at the first call of a
/// process; their own first use makes it, too. Throws ConfigError as `kernel_setting`.
std::vector<KernelReport> kernel_reports();

/// Who is told in one line that kernels are set aside, once a process; without one LibTorch's warnings tell it. For the
/// beginning of a program: before it computes.
void tell_of_kernels(std::function<void(const std::string&)> tell);

}  // namespace physgen
