#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "physgen/core/error.h"

namespace physgen {

/// The child closed its end of the connection, or died.
class ChildGone : public Error {
 public:
  using Error::Error;
};

using Deadline = std::chrono::steady_clock::time_point;

Deadline seconds_from_now(double seconds);

/// A program that talks to us over a socket, its descriptor kChildDescriptor. It leads a process group of its own,
/// reads nothing, and is killed when this object or the thread that made it ends. What it prints is kept, the last part
/// only.
class ChildProcess {
 public:
  static constexpr int kChildDescriptor = 3;

  /// @param arguments  the program's path first
  /// Throws ConfigError when the program cannot be executed, Error when the machine refuses a process or a socket.
  explicit ChildProcess(const std::vector<std::string>& arguments);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Sends the length (uint32, little-endian) and the bytes. Throws ChildGone, and Error past the deadline.
  void send(std::string_view message, Deadline deadline);
  /// The next message. Throws Error past the deadline, when the child has gone, or for a length of 0 or above
  /// `longest`.
  std::vector<char> receive(size_t longest, Deadline deadline);

  /// Waits up to `grace` seconds for the child to end, then kills it and its group.
  /// Returns how it ended: "exit code 1", "signal 11 (Segmentation fault)" or "killed"; "" when it had ended before.
  std::string end(double grace);

  /// The last lines that the child printed.
  std::string last_words();

  pid_t id() const { return id_; }

 private:
  [[noreturn]] void refuse_length(uint32_t length, size_t longest);
  void transfer_in(char* bytes, size_t count, Deadline deadline);
  void transfer_out(const char* bytes, size_t count, Deadline deadline);
  void wait_until_ready(short events, Deadline deadline);
  void drain_output();

  pid_t id_ = -1;
  int socket_ = -1;
  int output_ = -1;
  std::string printed_;
};

}  // namespace physgen
