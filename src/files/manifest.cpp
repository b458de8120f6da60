#include "physgen/files/manifest.h"

#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <system_error>

#include "core/json_file.h"
#include "core/quote.h"
#include "files/atomic_file.h"
#include "files/file_descriptor.h"
#include "files/folder.h"
#include "files/sha256.h"
#include "physgen/core/error.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr size_t kReadPiece = 1 << 20;        // bytes
constexpr size_t kLongestManifest = 1 << 20;  // bytes
constexpr size_t kMostNamedFiles = 10;
constexpr JsonWords kWords = {.damaged = "a manifest is damaged",
                              .missing = "a manifest cannot be read",
                              .expected = "the file as it was saved",
                              .next_step = "copy the directory again, or use another one"};

ordered_json content_of(const Manifest& manifest) {
  ordered_json files = ordered_json::array();
  for (const ManifestFile& file : manifest.files) {
    files.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.sha256}});
  }
  return {{"format_version", manifest.format_version}, {"kind", manifest.kind}, {"files", std::move(files)}};
}

/// The one text of a manifest. It ends with a hash of its own content, so that no byte of it changes unseen.
std::string text_of(const Manifest& manifest) {
  ordered_json content = content_of(manifest);
  content["sha256"] = sha256_of_text(content.dump());
  return content.dump(2) + "\n";
}

FormatError damaged(const fs::path& path, const std::string& got) {
  return FormatError({.what = kWords.damaged, .where = path.string(), .got = got, .expected = kWords.expected});
}

bool is_plain_name(const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name == kManifestName) return false;
  for (const char c : name) {
    if (c < ' ' || c > '~' || c == '/' || c == '\\') return false;
  }
  return true;
}

ManifestFile file_of(const JsonView& value) {
  const JsonView name = value.at("name");
  if (!is_plain_name(name.text())) name.refuse("the file name " + quote(name.text()), "a plain file name");
  return {name.text(), value.at("size").integer(0), value.at("sha256").text()};
}

Manifest parse_manifest(const std::string& text, const fs::path& path) {
  const JsonView root = parse_json(text, path.string(), kWords);
  const JsonView version = root.at("format_version");
  Manifest manifest{.format_version = version.integer(), .kind = "", .files = {}};
  if (manifest.format_version != kManifestVersion) {
    throw FormatError({.what = "a manifest is of another version",
                       .where = version.where(),
                       .got = std::to_string(manifest.format_version),
                       .expected = std::to_string(kManifestVersion)});
  }
  manifest.kind = root.at("kind").text();
  for (const JsonView& file : root.at("files").items()) manifest.files.push_back(file_of(file));
  return manifest;
}

Manifest read_manifest(const fs::path& path) {
  if (!fs::is_regular_file(status_of(path))) throw damaged(path, "not a regular file");
  const std::string text = read_json_text(path, kWords, kLongestManifest);
  Manifest manifest = parse_manifest(text, path);
  if (text_of(manifest) != text) throw damaged(path, "a text that does not match its own hash");
  return manifest;
}

/// What is wrong with one file, or nothing.
std::string complaint(const fs::path& path, const ManifestFile& expected) {
  const fs::file_status status = status_of(path);
  if (!fs::exists(status)) return quote(expected.name) + " is missing";
  if (!fs::is_regular_file(status)) return quote(expected.name) + " is not a regular file";
  const int64_t size = size_of_file(path);
  if (size != expected.size) {
    return quote(expected.name) + " has " + std::to_string(size) + " bytes, not " + std::to_string(expected.size);
  }
  return sha256_of_file(path) == expected.sha256 ? "" : quote(expected.name) + " is damaged";
}

std::vector<std::string> complaints(const fs::path& directory, const Manifest& manifest) {
  std::vector<std::string> found;
  std::set<std::string> known{kManifestName};
  for (const ManifestFile& file : manifest.files) {
    const std::string text = complaint(directory / file.name, file);
    if (!text.empty()) found.push_back(text);
    if (!known.insert(file.name).second) found.push_back(quote(file.name) + " is listed twice");
  }
  for (const fs::directory_entry& entry : entries_of(directory)) {
    const std::string name = entry.path().filename().string();
    if (!known.contains(name)) found.push_back(quote(name) + " is not in the manifest");
  }
  return found;
}

std::string first_few(const std::vector<std::string>& texts) {
  std::string joined;
  for (size_t i = 0; i < std::min(texts.size(), kMostNamedFiles); ++i) joined += (i ? "; " : "") + texts[i];
  if (texts.size() > kMostNamedFiles) joined += "; and " + std::to_string(texts.size() - kMostNamedFiles) + " more";
  return joined;
}

}  // namespace

Manifest write_manifest(const fs::path& directory, const std::string& kind) {
  Manifest manifest{.format_version = kManifestVersion, .kind = kind, .files = {}};
  for (const fs::directory_entry& entry : entries_of(directory)) {
    const std::string name = entry.path().filename().string();
    if (name == kManifestName) continue;
    if (!fs::is_regular_file(status_of(entry.path())) || !is_plain_name(name)) {
      throw Error({.what = "a manifest cannot list this",
                   .where = entry.path().string(),
                   .expected = "regular files with plain names and nothing else"});
    }
    manifest.files.push_back({name, size_of_file(entry.path()), sha256_of_file(entry.path())});
  }
  write_file_atomically(directory / kManifestName, text_of(manifest));
  return manifest;
}

Manifest verify_manifest(const fs::path& directory) {
  std::error_code ignored;
  if (!fs::is_directory(directory, ignored)) {
    throw ConfigError({.what = "a directory does not exist", .where = directory.string()});
  }
  const fs::path path = directory / kManifestName;
  if (!fs::exists(status_of(path))) {
    throw FormatError({.what = "a directory has no manifest",
                       .where = path.string(),
                       .next_step = "its save was interrupted, or it is not one that this program wrote"});
  }
  Manifest manifest = read_manifest(path);
  const std::vector<std::string> found = complaints(directory, manifest);
  if (found.empty()) return manifest;
  throw FormatError({.what = "a directory differs from its manifest",
                     .where = directory.string(),
                     .got = first_few(found),
                     .expected = "the files as they were saved",
                     .next_step = "copy it again, or use another one"});
}

Manifest verify_manifest(const fs::path& directory, const std::string& kind) {
  Manifest manifest = verify_manifest(directory);
  if (manifest.kind == kind) return manifest;
  throw FormatError({.what = "a checkpoint is of another kind",
                     .where = directory.string(),
                     .got = "'" + manifest.kind + "'",
                     .expected = std::string("'") + kind + "'"});
}

std::string sha256_lines(const std::vector<std::string>& paths) {
  std::string lines;
  for (const fs::path path : paths) {
    for (const fs::path& file : files_below(path)) {
      const fs::path name = file == path ? file.filename() : file.lexically_relative(path);
      lines += sha256_of_file(file) + "  " + name.string() + "\n";
    }
  }
  return lines;
}

std::string sha256_of_file(const fs::path& path) {
  FileDescriptor file(path, O_RDONLY);
  std::vector<std::byte> piece(kReadPiece);
  Sha256 hash;
  while (const size_t count = file.read(piece)) hash.add(std::span(piece).first(count));
  return hash.hexadecimal();
}

}  // namespace physgen
