#pragma once

#include <cstdlib>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "physgen/rollout/simulator_process.h"

namespace physgen {

/// Sets environment variables for the fake worker, and removes them again.
class FakeFaults {
 public:
  FakeFaults(std::initializer_list<std::pair<const char*, std::string>> settings) {
    for (const auto& [name, value] : settings) {
      setenv(name, value.c_str(), 1);
      names_.emplace_back(name);
    }
  }
  ~FakeFaults() {
    for (const std::string& name : names_) unsetenv(name.c_str());
  }
  FakeFaults(const FakeFaults&) = delete;
  FakeFaults& operator=(const FakeFaults&) = delete;

 private:
  std::vector<std::string> names_;
};

inline SimulatorConfig fake_simulator() {
  SimulatorConfig config;
  config.simulator = "fake";
  config.task = "Reach-v1";
  config.cameras = {"front", "side"};
  config.size = 16;
  config.control_mode = "delta";
  config.state = true;
  config.deadline_seconds = 10;
  config.start_deadline_seconds = 60;
  config.worker = PHYSGEN_SOURCE_DIR "/tests/support/fake_simulator_worker.py";
  return config;
}

}  // namespace physgen
