#include "child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <thread>
#include <utility>

#include "physgen/core/error.h"

namespace physgen {
namespace {

constexpr size_t kKeptOutput = 8 << 10;    // bytes
constexpr size_t kLargestPiece = 4 << 20;  // bytes: memory grows with what has come, not with what was announced
constexpr size_t kQuotedLines = 12;
constexpr size_t kQuotedBytes = 1500;
constexpr size_t kQuotedText = 60;  // bytes of what was printed into the connection
constexpr int kMostPieces = 64;     // a child that prints without end must not outlast its deadline

Error system_error(const std::string& what) { return Error({.what = what, .got = std::strerror(errno)}); }

/// Two ends of a pipe or socket; both close with the object unless taken.
class Ends {
 public:
  ~Ends() {
    for (const int end : ends_) {
      if (end >= 0) ::close(end);
    }
  }
  int* data() { return ends_; }
  int operator[](int side) const { return ends_[side]; }
  int take(int side) { return std::exchange(ends_[side], -1); }

 private:
  int ends_[2] = {-1, -1};
};

/// Runs in the child between fork and exec, where only async-signal-safe calls are allowed.
/// @param refusal  closes when the program runs, and says why where it does not
[[noreturn]] void become(char* const* arguments, int connection, int output, int refusal, pid_t parent) {
  refusal = fcntl(refusal, F_DUPFD_CLOEXEC, ChildProcess::kChildDescriptor + 1);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // the parent died before the line above
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  if (connection == ChildProcess::kChildDescriptor) {
    fcntl(connection, F_SETFD, 0);
  } else {
    dup2(connection, ChildProcess::kChildDescriptor);
  }
  close_range(ChildProcess::kChildDescriptor + 1, ~0U, CLOSE_RANGE_CLOEXEC);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  execv(arguments[0], arguments);
  const int reason = errno;
  _exit(write(refusal, &reason, sizeof reason) == sizeof reason ? 127 : 126);
}

void make_non_blocking(int descriptor) { fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK); }

std::string how_it_ended(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit code " + std::to_string(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + strsignal(info.si_status) + ")";
}

/// Whether the child has ended; it stays unreaped, so that its id cannot be another's yet.
bool has_ended(pid_t id, siginfo_t& info) {
  info = {};
  return waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == id;
}

std::string remedy_of(int reason) {
  if (reason == ENOEXEC) return "a script begins with a line such as #!/usr/bin/env python3";
  if (reason == ENOENT) return "is the program in its first line (#!) there?";
  return "";
}

/// Waits until the child runs its program. Throws ConfigError, the child reaped, where it cannot.
void wait_for_program(pid_t child, int refusal, const std::string& program) {
  int reason = 0;
  ssize_t count = 0;
  while ((count = read(refusal, &reason, sizeof reason)) < 0 && errno == EINTR) {
  }
  if (count != sizeof reason) return;
  waitpid(child, nullptr, 0);
  throw ConfigError({.what = "a program cannot be executed",
                     .where = program,
                     .got = std::strerror(reason),
                     .next_step = remedy_of(reason)});
}

}  // namespace

Deadline seconds_from_now(double seconds) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

ChildProcess::ChildProcess(const std::vector<std::string>& arguments) {
  Ends connection;
  Ends output;
  Ends refusal;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, connection.data()) != 0 ||
      pipe2(output.data(), O_CLOEXEC) != 0 || pipe2(refusal.data(), O_CLOEXEC) != 0) {
    throw system_error("no socket could be made for a process");
  }
  std::vector<char*> pointers;
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ < 0) throw system_error("no process could be started");
  if (id_ == 0) become(pointers.data(), connection[1], output[1], refusal[1], parent);
  setpgid(id_, id_);  // whichever of the two comes first
  ::close(refusal.take(1));
  wait_for_program(id_, refusal[0], arguments[0]);
  socket_ = connection.take(0);
  output_ = output.take(0);
  make_non_blocking(socket_);
  make_non_blocking(output_);
}

ChildProcess::~ChildProcess() {
  end(0);
  ::close(socket_);
  if (output_ >= 0) ::close(output_);
}

void ChildProcess::send(std::string_view message, Deadline deadline) {
  const uint32_t length = static_cast<uint32_t>(message.size());
  transfer_out(reinterpret_cast<const char*>(&length), sizeof length, deadline);
  transfer_out(message.data(), message.size(), deadline);
}

std::vector<char> ChildProcess::receive(size_t longest, Deadline deadline) {
  uint32_t length = 0;
  transfer_in(reinterpret_cast<char*>(&length), sizeof length, deadline);
  if (length == 0 || length > longest) refuse_length(length, longest);
  std::vector<char> message;
  while (message.size() < length) {
    const size_t begin = message.size();
    message.resize(std::min<size_t>(length, begin + kLargestPiece));
    transfer_in(message.data() + begin, message.size() - begin, deadline);
  }
  return message;
}

void ChildProcess::refuse_length(uint32_t length, size_t longest) {
  std::string text(sizeof length + kQuotedText, '\0');
  std::memcpy(text.data(), &length, sizeof length);
  const ssize_t more = recv(socket_, text.data() + sizeof length, kQuotedText, MSG_DONTWAIT);
  text.resize(sizeof length + static_cast<size_t>(std::max<ssize_t>(more, 0)));
  text = text.substr(0, text.find('\n'));
  if (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    throw Error({.what = "the process printed into its connection",
                 .got = "\"" + text + "\"",
                 .expected = "messages alone: what it prints goes to stdout or stderr"});
  }
  throw Error({.what = "a message has an impossible length",
               .got = std::to_string(length) + " bytes",
               .expected = "1 to " + std::to_string(longest)});
}

void ChildProcess::transfer_in(char* bytes, size_t count, Deadline deadline) {
  while (count > 0) {
    const ssize_t moved = recv(socket_, bytes, count, 0);
    if (moved > 0) {
      bytes += moved;
      count -= static_cast<size_t>(moved);
    } else if (moved == 0) {
      throw ChildGone({.what = "the process closed its connection"});
    } else if (errno == EAGAIN) {
      wait_until_ready(POLLIN, deadline);
    } else if (errno != EINTR) {
      throw ChildGone({.what = "the connection to the process broke", .got = std::strerror(errno)});
    }
  }
}

void ChildProcess::transfer_out(const char* bytes, size_t count, Deadline deadline) {
  while (count > 0) {
    const ssize_t moved = ::send(socket_, bytes, count, MSG_NOSIGNAL);
    if (moved >= 0) {
      bytes += moved;
      count -= static_cast<size_t>(moved);
    } else if (errno == EAGAIN) {
      wait_until_ready(POLLOUT, deadline);
    } else if (errno != EINTR) {
      throw ChildGone({.what = "the connection to the process broke", .got = std::strerror(errno)});
    }
  }
}

void ChildProcess::wait_until_ready(short events, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) throw Error({.what = "the process did not answer before its deadline"});
    std::array<pollfd, 2> waited = {{{socket_, events, 0}, {output_, POLLIN, 0}}};
    const int timeout = static_cast<int>(std::min<int64_t>(left.count(), 60'000));
    if (poll(waited.data(), waited.size(), timeout) < 0 && errno != EINTR) throw system_error("poll failed");
    if (waited[1].revents != 0) drain_output();  // a full pipe would stop the child
    if (waited[0].revents != 0) return;
  }
}

void ChildProcess::drain_output() {
  std::array<char, 4096> piece;
  for (int pieces = 0; pieces < kMostPieces && output_ >= 0; ++pieces) {
    const ssize_t count = read(output_, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) ::close(std::exchange(output_, -1));
    if (count <= 0) return;
    printed_.append(piece.data(), static_cast<size_t>(count));
    if (printed_.size() > 2 * kKeptOutput) printed_.erase(0, printed_.size() - kKeptOutput);
  }
}

std::string ChildProcess::end(double grace) {
  if (id_ < 0) return "";
  const Deadline deadline = seconds_from_now(grace);
  siginfo_t info;
  bool ended = has_ended(id_, info);
  while (!ended && std::chrono::steady_clock::now() < deadline) {
    drain_output();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ended = has_ended(id_, info);
  }
  kill(-id_, SIGKILL);  // what it left behind in its group too
  kill(id_, SIGKILL);
  while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  return ended ? how_it_ended(info) : "killed";
}

std::string ChildProcess::last_words() {
  drain_output();
  std::string_view text = printed_;
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.size() > kQuotedBytes) text.remove_prefix(text.size() - kQuotedBytes);
  size_t begin = text.size();
  for (size_t line = 0; line < kQuotedLines && begin > 0; ++line) {
    const size_t end_of_previous = text.rfind('\n', begin - 1);
    if (end_of_previous == std::string_view::npos) return std::string(text);
    begin = end_of_previous;
  }
  return std::string(text.substr(begin == 0 ? 0 : begin + 1));
}

}  // namespace physgen
