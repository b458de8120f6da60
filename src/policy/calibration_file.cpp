
#include <algorithm>
#include <cmath>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>
#include <physgen/vae/frame_encoder.h>

#include "files/atomic_file.h"
#include "policy/calibration.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileName = "int8.json";

// The files of a checkpoint never change, so that a second name serves as well as a copy.
void take_over(const fs::path& file, const fs::path& to) {
  std::error_code refused;
  fs::create_hard_link(file, to, refused);
  if (refused) fs::copy_file(file, to);
}

void check_layers(const Calibration& calibration, std::vector<std::string> expected, const fs::path& file) {
  std::vector<std::string> found;
  for (const LayerCalibration& layer : calibration.layers) {
    found.push_back(layer.name);
    if (layer.low <= layer.high && std::isfinite(layer.high - layer.low)) continue;
    throw FormatError({.what = "a layer's inputs have no range",
                       .where = file.string() + ": " + layer.name,
                       .got = std::to_string(layer.low) + " to " + std::to_string(layer.high)});
  }
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  if (found == expected) return;
  throw FormatError({.what = "the calibration is of another policy",
                     .where = file.string(),
                     .got = std::to_string(found.size()) + " layers, not all of them the policy's",
                     .expected = "its " + std::to_string(expected.size()) + " layers",
                     .next_step = "run physgen calibrate again"});
}

[[noreturn]] void refuse_missing(const fs::path& checkpoint) {
  throw ConfigError(
      {.what = "the policy is not calibrated for int8",
       .where = checkpoint.string(),
       .got = std::string("no ") + kFileName,
       .expected = "the ranges of its layers' inputs",
       .next_step = "run physgen calibrate --checkpoint " + checkpoint.string() + " --data DEMONSTRATIONS"});
}

}  // namespace

LayerScales scales_of(const Calibration& calibration) {
  LayerScales scales;
  for (const LayerCalibration& layer : calibration.layers) {
    if (layer.int8) scales.emplace(layer.name, byte_scale(layer.low, layer.high));
  }
  return scales;
}

void save_calibration(const fs::path& checkpoint, const Calibration& calibration) {
  read_policy_config(checkpoint);
  AtomicDirectory directory(checkpoint);
  for (const ManifestFile& file : verify_manifest(checkpoint).files) {
    if (file.name != kFileName) take_over(checkpoint / file.name, directory.path() / file.name);
  }
  write_file_atomically(directory.path() / kFileName, write_config(calibration));
  write_manifest(directory.path(), kPolicyKind);
  directory.commit();
}

Calibration read_calibration(const fs::path& checkpoint, const LoadedPolicy& policy) {
  const fs::path file = checkpoint / kFileName;
  if (!fs::exists(file)) refuse_missing(checkpoint);
  auto calibration = blaming_the_file([&] { return ConfigDocument::load(file.string()).read<Calibration>(); });
  std::vector<std::string> layers = int8_layers(policy.vae);
  for (const std::string& layer : int8_layers(policy.model)) layers.push_back(layer);
  check_layers(calibration, layers, file);
  return calibration;
}

}  // namespace physgen
