#include "files/atomic_file.h"

#include <limits.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "files/file_descriptor.h"
#include "files/folder.h"
#include "files/lock_reach.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPartial = ".partial-";
constexpr const char* kOld = ".old-";
constexpr size_t kLongestHolder = HOST_NAME_MAX + 32;

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

/// "runs/a/" and "runs/a" are one directory.
fs::path without_trailing_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

fs::path sibling(const fs::path& path, const char* mark) {
  return fs::path(path.string() + mark + std::to_string(::getpid()));
}

void move_path(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) throw system_error("a file cannot be renamed", to, errno);
}

void remove_tree(const fs::path& path) {
  std::error_code reason;
  fs::remove_all(path, reason);
  if (reason) throw system_error("a folder cannot be removed", path, reason.value());
}

/// Flushes what is inside before the folder that names it.
void sync_tree(const fs::path& folder) {
  for (const fs::directory_entry& entry : entries_of(folder)) {
    const fs::file_status status = status_of(entry.path());
    if (fs::is_directory(status)) sync_tree(entry.path());
    if (fs::is_regular_file(status)) FileDescriptor(entry.path(), O_RDONLY).sync();
  }
  sync_folder(folder);
}

/// The siblings "<name><mark><digits>" of a path that no living writer holds.
std::vector<fs::path> leftovers(const fs::path& final_path, const std::string& mark) {
  const std::string prefix = final_path.filename().string() + mark;
  std::vector<fs::path> found;
  if (!fs::exists(status_of(parent_of(final_path)))) return found;
  for (const fs::directory_entry& entry : entries_of(parent_of(final_path))) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
    if (!std::all_of(name.begin() + static_cast<std::ptrdiff_t>(prefix.size()), name.end(), ::isdigit)) continue;
    if (!fs::is_directory(status_of(entry.path()))) continue;
    if (FileDescriptor(entry.path(), O_RDONLY | O_DIRECTORY).try_lock()) found.push_back(entry.path());
  }
  return found;
}

Error ambiguous(const fs::path& final_path, const std::vector<fs::path>& found) {
  std::string names;
  for (const fs::path& path : found) names += (names.empty() ? "" : ", ") + path.filename().string();
  return Error({.what = "an interrupted save left more than one directory",
                .where = final_path.string(),
                .got = names,
                .expected = "one",
                .next_step = "rename the one to keep to " + final_path.filename().string()});
}

std::string host_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "this machine";
}

}  // namespace

AtomicFile::AtomicFile(fs::path final_path)
    : final_path_(std::move(final_path)),
      temporary_path_(sibling(final_path_, kPartial)),
      file_(std::make_unique<FileDescriptor>(temporary_path_, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)) {}

AtomicFile::~AtomicFile() {
  if (!temporary_path_.empty()) ::unlink(temporary_path_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) { file_->write(bytes); }

void AtomicFile::commit() {
  file_->sync();
  file_->close();
  move_path(temporary_path_, final_path_);
  temporary_path_.clear();
  sync_folder(parent_of(final_path_));
}

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const fs::path& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

AtomicDirectory::AtomicDirectory(const fs::path& final_path)
    : final_path_(without_trailing_slash(final_path)), path_(sibling(final_path_, kPartial)) {
  create_folders(parent_of(final_path_));
  recover_directory(final_path_);
  if (::mkdir(path_.c_str(), 0777) != 0) throw system_error("a folder cannot be created", path_, errno);
  lock_ = std::make_unique<FileDescriptor>(path_, O_RDONLY | O_DIRECTORY);
  lock_->try_lock();
}

AtomicDirectory::~AtomicDirectory() {
  std::error_code ignored;  // what stays behind is recover_directory's
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void AtomicDirectory::commit() {
  sync_tree(path_);
  if (fs::exists(status_of(final_path_))) {
    replace_final();
  } else {
    move_path(path_, final_path_);
    path_.clear();
    sync_folder(parent_of(final_path_));
  }
  lock_.reset();
}

void AtomicDirectory::replace_final() {
  const fs::path old = sibling(final_path_, kOld);
  FileDescriptor old_lock(final_path_, O_RDONLY | O_DIRECTORY);
  old_lock.try_lock();
  move_path(final_path_, old);
  try {
    move_path(path_, final_path_);
  } catch (const Error&) {
    move_path(old, final_path_);
    throw;
  }
  path_.clear();
  sync_folder(parent_of(final_path_));
  std::error_code ignored;  // the save is complete; recover_directory tries again
  fs::remove_all(old, ignored);
}

void recover_directory(const fs::path& path) {
  const fs::path final_path = without_trailing_slash(path);
  std::vector<fs::path> old = leftovers(final_path, kOld);
  if (!fs::exists(status_of(final_path)) && !old.empty()) {
    if (old.size() > 1) throw ambiguous(final_path, old);
    move_path(old.front(), final_path);
    sync_folder(parent_of(final_path));
    old.clear();
  }
  for (const fs::path& leftover : old) remove_tree(leftover);
  for (const fs::path& leftover : leftovers(final_path, kPartial)) remove_tree(leftover);
}

RunLock::RunLock(const fs::path& directory) {
  create_folders(directory);
  file_ = std::make_unique<FileDescriptor>(directory / ".lock", O_RDWR | O_CREAT | O_NOFOLLOW);
  take();
  std::string holder = std::to_string(::getpid()) + " of " + host_name();
  if (::ftruncate(file_->get(), 0) != 0) throw system_error("a file cannot be written", file_->path(), errno);
  file_->write(std::as_bytes(std::span(holder)));
}

void RunLock::take() {
  if (file_->try_lock()) {
    std::ifstream mounts("/proc/self/mountinfo");
    const std::string reason = local_lock_reason(file_->status().st_dev, mounts);
    if (!reason.empty()) weakness_ = "the folder's lock does not keep off runs of other machines: " + reason;
    return;
  }
  const int reason = errno;
  if (reason != EWOULDBLOCK) {
    weakness_ = "the folder's file system has no locks, so that nothing keeps off another run: " +
                std::string(std::strerror(reason));
    return;
  }
  std::string holder(kLongestHolder, '\0');
  holder.resize(file_->read(std::as_writable_bytes(std::span(holder))));
  throw ConfigError({.what = "the output directory is in use by another run",
                     .where = file_->path().parent_path().string(),
                     .got = "a lock that process " + holder + " holds",
                     .next_step = "wait for that run, stop it, or name another output directory"});
}

RunLock::~RunLock() = default;

}  // namespace physgen
