#include "files/lock_reach.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <vector>

namespace physgen {
namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream stream(line);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// What keeps locks local on some file systems.
struct LocalLock {
  const char* file_system;
  const char* option;  ///< of the mount; empty: always
};

constexpr LocalLock kLocal[] = {
    {"nfs", "nolock"},
    {"nfs", "local_lock=flock"},
    {"nfs", "local_lock=all"},
    {"nfs4", "local_lock=flock"},
    {"nfs4", "local_lock=all"},
    {"lustre", "localflock"},
    {"cifs", "nobrl"},
    {"smb3", "nobrl"},
    {"fuse.sshfs", ""},
    {"fuse.s3fs", ""},
    {"fuse.gcsfuse", ""},
    {"fuse.rclone", ""},
    {"beegfs", ""},
    {"9p", ""},
};

bool has_option(const std::string& options, const std::string& wanted) {
  return ("," + options + ",").find("," + wanted + ",") != std::string::npos;
}

}  // namespace

std::string local_lock_reason(dev_t device, std::istream& mountinfo) {
  const std::string number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  for (std::string line; std::getline(mountinfo, line);) {
    // 36 35 98:0 /root /mount rw,noatime master:1 - type source options
    const std::vector<std::string> words = words_of(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words[2] != number || std::distance(dash, words.end()) < 4) continue;
    for (const auto& [file_system, option] : kLocal) {
      if (dash[1] != file_system) continue;
      if (*option == '\0') return dash[1] + " may keep locks to one machine";
      if (has_option(dash[3], option) || has_option(words[5], option)) return dash[1] + " is mounted with " + option;
    }
  }
  return "";
}

}  // namespace physgen
