#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace physgen {

inline constexpr int64_t kManifestVersion = 1;
inline constexpr const char* kManifestName = "MANIFEST.json";

/// One file of a directory, as it was when the manifest was written.
struct ManifestFile {
  std::string name;    ///< a plain file name: no '/', not "." or ".."
  int64_t size = 0;    ///< bytes
  std::string sha256;  ///< 64 lower-case hexadecimal digits
};

/// What a directory holds, and proof that it is undamaged.
struct Manifest {
  int64_t format_version = kManifestVersion;
  std::string kind;                 ///< what the directory is: "model", "training", …
  std::vector<ManifestFile> files;  ///< by name
};

/// Hashes every file of `directory` and writes MANIFEST.json there, last and atomically. Throws Error where the
/// directory holds anything but regular files, or a file cannot be read or written.
Manifest write_manifest(const std::filesystem::path& directory, const std::string& kind);

/// Reads MANIFEST.json and checks every file against it. The directory is untrusted. Throws ConfigError where the
/// directory does not exist, and FormatError naming each file that is missing, extra, of another size or of other
/// bytes, and for a manifest that is absent, damaged or of another version.
Manifest verify_manifest(const std::filesystem::path& directory);

/// As above, of a checkpoint that must be of a kind: FormatError where it is of another.
Manifest verify_manifest(const std::filesystem::path& directory, const std::string& kind);

/// What `sha256sum` prints for all files among `paths`, folders searched with all that is in them, by the names that
/// they have there: the same wherever the data lie. Throws Error where a file cannot be read.
std::string sha256_lines(const std::vector<std::string>& paths);

/// The SHA-256 of a file's bytes, 64 lower-case hexadecimal digits, read in pieces. Throws Error where it cannot be
/// read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace physgen
