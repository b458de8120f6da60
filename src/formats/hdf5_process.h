#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

namespace physgen {

/// An open file, by the process that opened it.
struct Hdf5Id {
  int64_t process = -1;
  int64_t number = -1;
};

/// The process in which HDF5's library runs, since damaged files make it crash, or run without end. A fork of this one,
/// begun when first asked and again after it ended. Safe to use from several threads.
class Hdf5Process {
 public:
  static Hdf5Process& instance();
  Hdf5Process(const Hdf5Process&) = delete;
  Hdf5Process& operator=(const Hdf5Process&) = delete;
  ~Hdf5Process();

  /// Asks one of Hdf5Library's functions about a file, which is opened where the process has not done so yet.
  /// @param id     of the file; brought up to date
  /// @param where  names file and object in errors
  /// Throws Hdf5Failure as the library does, FormatError where it crashes or does not come to an end.
  nlohmann::json ask(Hdf5Id& id, const std::string& path, const char* function, const nlohmann::json& arguments,
                     const std::string& where);
  void close(const Hdf5Id& id) noexcept;

 private:
  Hdf5Process() = default;
  void begin();
  int end();
  nlohmann::json exchange(const nlohmann::json& request, const std::string& where);
  [[noreturn]] void fail(bool late, const std::string& where);

  std::mutex mutex_;
  int64_t begun_ = 0;  // processes so far
  pid_t child_ = -1;
  int socket_ = -1;
};

}  // namespace physgen
