#include "formats/hdf5_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <map>
#include <vector>

#include <physgen/core/error.h>

#include "formats/hdf5_library.h"

namespace physgen {
namespace {

using nlohmann::json;
using Bytes = std::vector<uint8_t>;

constexpr int kMostMilliseconds = 60'000;  // for one answer
constexpr int kForever = -1;

bool send_all(int socket, const void* bytes, size_t count) {
  for (const auto* at = static_cast<const char*>(bytes); count > 0;) {
    const ssize_t sent = send(socket, at, count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    count -= static_cast<size_t>(sent);
  }
  return true;
}

enum class Received { all, nothing, late };

Received receive_all(int socket, void* bytes, size_t count, int milliseconds) {
  for (auto* at = static_cast<char*>(bytes); count > 0;) {
    pollfd readable{socket, POLLIN, 0};
    const int ready = poll(&readable, 1, milliseconds);
    if (ready == 0) return Received::late;
    const ssize_t got = ready < 0 ? ready : recv(socket, at, count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Received::nothing;
    at += got;
    count -= static_cast<size_t>(got);
  }
  return Received::all;
}

bool send_message(int socket, const json& message) {
  const Bytes bytes = json::to_cbor(message);
  const auto size = static_cast<uint32_t>(bytes.size());
  return send_all(socket, &size, sizeof(size)) && send_all(socket, bytes.data(), bytes.size());
}

Received receive_message(int socket, json& message, int milliseconds) {
  uint32_t size = 0;
  const Received head = receive_all(socket, &size, sizeof(size), milliseconds);
  if (head != Received::all) return head;
  Bytes bytes(size);
  const Received body = receive_all(socket, bytes.data(), bytes.size(), milliseconds);
  if (body == Received::all) message = json::from_cbor(bytes);
  return body;
}

using Function = json (*)(Hdf5Library&, int64_t file, const json& arguments);

/// The library's functions by name.
const std::map<std::string, Function>& functions() {
  static const std::map<std::string, Function> kFunctions = {
      {"open", [](Hdf5Library& library, int64_t, const json& given) -> json { return library.open(given[0]); }},
      {"close", [](Hdf5Library& library, int64_t file, const json&) { return library.close(file), json(); }},
      {"follow",
       [](Hdf5Library& library, int64_t file, const json& given) -> json { return library.follow(file, given[0]); }},
      {"children",
       [](Hdf5Library& library, int64_t file, const json& given) -> json { return library.children(file, given[0]); }},
      {"has_attribute",
       [](Hdf5Library& library, int64_t file, const json& given) -> json {
         return library.has_attribute(file, given[0], given[1]);
       }},
      {"header",
       [](Hdf5Library& library, int64_t file, const json& given) -> json { return library.header(file, given[0]); }},
      {"chunk", [](Hdf5Library& library, int64_t file, const json& given) -> json {
         return library.chunk(file, given[0], given[1]);
       }}};
  return kFunctions;
}

/// The library's answer to a request {function, file, arguments}.
json answer_of(Hdf5Library& library, const json& request) {
  try {
    return {{"answer", functions().at(request.at("function"))(library, request.at("file"), request.at("arguments"))}};
  } catch (const Hdf5Failure& failure) {
    return {{"failure", failure.what()}};
  }
}

/// What the fork keeps of its parent: the socket. No lock, no terminal, no signal that was meant for the parent.
void leave_parent(int socket) {
  for (int number = 1; number < NSIG; ++number) std::signal(number, SIG_DFL);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) std::signal(number, SIG_IGN);
  const int nowhere = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; ++standard) dup2(nowhere, standard);
  if (socket > 3) close_range(3, static_cast<unsigned>(socket) - 1, 0);
  close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

[[noreturn]] void serve(int socket) {
  leave_parent(socket);
  Hdf5Library library;
  json request;
  while (receive_message(socket, request, kForever) == Received::all) {
    if (!send_message(socket, answer_of(library, request))) break;
  }
  _exit(0);
}

}  // namespace

Hdf5Process& Hdf5Process::instance() {
  static Hdf5Process process;
  return process;
}

Hdf5Process::~Hdf5Process() { end(); }

void Hdf5Process::begin() {
  std::array<int, 2> sockets{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) == 0) child_ = fork();
  if (child_ < 0) throw Error({.what = "the process that reads HDF5 cannot begin", .got = std::strerror(errno)});
  if (child_ == 0) serve(sockets[1]);
  ::close(sockets[1]);
  socket_ = sockets[0];
  ++begun_;
}

/// The status that the process ended with; 0 without one.
int Hdf5Process::end() {
  if (child_ <= 0) return 0;
  ::close(socket_);
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  return status;
}

void Hdf5Process::fail(bool late, const std::string& where) {
  if (late) kill(child_, SIGKILL);
  const int status = end();
  std::string got = "no answer within " + std::to_string(kMostMilliseconds / 1000) + " s";
  if (!late) got = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "an end without an answer";
  throw FormatError({"HDF5's own library fails on a file", where, got, "a whole HDF5 file",
                     "the file is damaged: make it or download it again"});
}

json Hdf5Process::exchange(const json& request, const std::string& where) {
  json reply;
  const bool sent = send_message(socket_, request);
  const Received received = sent ? receive_message(socket_, reply, kMostMilliseconds) : Received::nothing;
  if (received != Received::all) fail(received == Received::late, where);
  if (reply.contains("failure")) throw Hdf5Failure(reply["failure"].get<std::string>());
  return reply["answer"];
}

json Hdf5Process::ask(Hdf5Id& id, const std::string& path, const char* function, const json& arguments,
                      const std::string& where) {
  const std::lock_guard lock(mutex_);
  if (child_ <= 0) begin();
  if (id.process != begun_) {
    id = {begun_, exchange({{"function", "open"}, {"file", -1}, {"arguments", {path}}}, where)};
  }
  return exchange({{"function", function}, {"file", id.number}, {"arguments", arguments}}, where);
}

void Hdf5Process::close(const Hdf5Id& id) noexcept {
  const std::lock_guard lock(mutex_);
  if (child_ <= 0 || id.process != begun_) return;
  try {
    exchange({{"function", "close"}, {"file", id.number}, {"arguments", json::array()}}, "");
  } catch (const std::exception&) {  // what cannot be closed is gone
  }
}

}  // namespace physgen
