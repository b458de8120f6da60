#include "device/device.h"

#include <algorithm>
#include <cctype>

#include <physgen/core/error.h>

namespace physgen {
namespace {

bool is_gpu_index(const std::string& text) {
  return !text.empty() && text.size() <= 3 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

DeviceChoice parse_device(const std::string& text) {
  const std::string cuda = "cuda:";
  if (text == "auto") return {DeviceChoice::Kind::automatic, 0};
  if (text == "cpu") return {DeviceChoice::Kind::cpu, 0};
  if (text == "cuda") return {DeviceChoice::Kind::cuda, 0};
  if (text == "hpu") return {DeviceChoice::Kind::hpu, 0};
  if (text.starts_with(cuda) && is_gpu_index(text.substr(cuda.size()))) {
    return {DeviceChoice::Kind::cuda, std::stoll(text.substr(cuda.size()))};
  }
  throw ConfigError({.what = "unknown device",
                     .where = "device",
                     .got = "'" + text + "'",
                     .expected = "auto, cpu, cuda or cuda:N with N the number of a GPU"});
}

}  // namespace physgen
