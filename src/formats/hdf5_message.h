#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace physgen {

// What the program and the process in which HDF5 runs tell each other.

/// HDF5's own words for why it cannot do something.
struct Hdf5Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How far a path leads by hard links: to its end, or to a link of another kind or none.
struct Hdf5Path {
  std::string ends_at = {};  ///< "group", "dataset", another "object", "nothing", "soft" or "external"
  std::string link = {};     ///< the path up to there, that link included
  std::string file = {};     ///< that an external link names
  std::string target = {};   ///< the path that a soft or an external link names
  std::string rest = {};     ///< what comes behind the link
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Hdf5Path, ends_at, link, file, target, rest)

struct Hdf5Filter {
  int id = 0;
  std::string name = {};  ///< as its writer registered it
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Hdf5Filter, id, name)

/// All that a dataset's header says.
struct Hdf5Header {
  std::string numbers = {};  ///< "float32", "float64", "uint8", or what else its values are
  int64_t element_size = 0;
  std::vector<int64_t> shape = {};
  std::string storage = {};  ///< "contiguous", "chunked", or "elsewhere": in another file or in the header itself
  uint64_t address = 0;      ///< of contiguous values
  uint64_t stored = 0;       ///< bytes
  std::vector<int64_t> chunk = {};  ///< its sides, where chunked
  std::vector<Hdf5Filter> filters = {};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Hdf5Header, numbers, element_size, shape, storage, address, stored, chunk, filters)

/// Where a chunk lies in its file; bit i of `skipped` says that filter i was not applied to it.
struct Hdf5Chunk {
  uint32_t skipped = 0;
  uint64_t address = 0;
  uint64_t stored = 0;  ///< bytes; 0 where it was never written
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Hdf5Chunk, skipped, address, stored)

}  // namespace physgen
