#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <physgen/train/metrics.h>

namespace physgen {

/// Scalars over the steps of a run as TensorBoard reads them: records of its TFRecord framing, each an `Event` of
/// tensorflow/core/util/event.proto.
class EventFile {
 public:
  /// Begins a file of its own in the folder. TensorBoard reads a folder's files in the order of their names, and for
  /// this one forgets what earlier ones say of steps past `last_step`, which are done again. Throws Error where it
  /// cannot be written.
  EventFile(const std::filesystem::path& folder, int64_t last_step);

  /// @param scalars  by tag, which TensorBoard groups by what stands before the first "/"
  void write(int64_t step, const std::vector<NamedNumber>& scalars);

 private:
  void write_record(const std::string& event);

  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace physgen
