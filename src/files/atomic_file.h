#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace physgen {

class FileDescriptor;

/// A file that appears whole and durable, or not at all: written under a temporary name beside it, then renamed.
/// One writer a path and process.
class AtomicFile {
 public:
  /// Throws Error where the temporary file cannot be created.
  explicit AtomicFile(std::filesystem::path final_path);
  /// Removes what was not committed.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. Throws Error (disk full, …), after which there is nothing to commit.
  void write(std::span<const std::byte> bytes);
  /// Flushes to the disk, renames into place, flushes the folder. Throws Error; nothing is tried twice.
  void commit();

 private:
  std::filesystem::path final_path_;
  std::filesystem::path temporary_path_;
  std::unique_ptr<FileDescriptor> file_;
};

/// Replaces a file's contents through AtomicFile. Throws Error; the previous contents are then intact.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// A directory that appears whole and durable, or not at all: filled under a temporary name beside it, then renamed.
class AtomicDirectory {
 public:
  /// Recovers `final_path` first, then creates an empty "<final_path>.partial-<pid>" (and missing parents).
  /// Throws Error where it cannot.
  explicit AtomicDirectory(const std::filesystem::path& final_path);
  /// Removes what was not committed.
  ~AtomicDirectory();
  AtomicDirectory(const AtomicDirectory&) = delete;
  AtomicDirectory& operator=(const AtomicDirectory&) = delete;

  /// Where to write the files, until `commit`.
  const std::filesystem::path& path() const { return path_; }

  /// Flushes every file and folder, sets a directory that already has the final name aside as "….old-<pid>", renames
  /// the new one into its place, flushes the parent, and only then removes the old one. Throws Error; nothing is tried
  /// twice, and the old directory is then in its place still (or is put back by recover_directory).
  void commit();

 private:
  void replace_final();

  std::filesystem::path final_path_;
  std::filesystem::path path_;
  std::unique_ptr<FileDescriptor> lock_;  // tells recover_directory that the writer lives
};

/// Cleans up after a writer that died: a directory set aside is put back where the new one had not taken its place, and
/// what else an AtomicDirectory left beside `final_path` is removed. What a living writer holds is left alone.
/// Call it before loading. Throws Error where the file system refuses.
void recover_directory(const std::filesystem::path& final_path);

/// Keeps a second run off the same output directory, for as long as this object lives. The kernel lets go of the lock
/// when the process dies, however it dies. On network file systems it keeps off other machines' runs, too, unless
/// `weakness` says that it does not.
class RunLock {
 public:
  /// Creates the directory if need be and locks "<directory>/.lock". Throws ConfigError naming the process and the
  /// machine that hold it, and Error where the file cannot be made.
  explicit RunLock(const std::filesystem::path& directory);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Which runs it does not keep off, and why: a sentence for the user. Empty: it keeps off all.
  const std::string& weakness() const { return weakness_; }

 private:
  void take();

  std::unique_ptr<FileDescriptor> file_;
  std::string weakness_;
};

}  // namespace physgen
