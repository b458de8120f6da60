#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace physgen {

/// What a program asked of the stand-in device since the last reset.
struct DeviceCounts {
  int64_t operations = 0;                       ///< kernels: what would be launched on a GPU
  int64_t copies_in = 0;                        ///< from the host
  int64_t copies_out = 0;                       ///< to the host, single numbers among them: each would be waited for
  int64_t host_reads = 0;                       ///< of single numbers alone
  int64_t live_bytes = 0;                       ///< of blocks that are held now
  std::map<size_t, int64_t> allocations = {};   ///< blocks that were asked for, by their bytes
  std::map<size_t, size_t> live_blocks = {};    ///< that are held now: where, and of how many bytes
  std::map<std::string, int64_t> of_each = {};  ///< operations by name, "aten::add.Tensor"
};

/// An accelerator whose kernels are the CPU's, and whose memory the host cannot touch: reading it ends the program. It
/// is PyTorch's "hpu", without hardware. Loading its library is all that it takes.
class StandInDevice {
 public:
  static DeviceCounts counts();
  static void reset();
  /// How much memory there is while this lives, in bytes.
  class Size {
   public:
    explicit Size(size_t bytes);
    ~Size();
    Size(const Size&) = delete;
    Size& operator=(const Size&) = delete;
  };
};

}  // namespace physgen
