#pragma once

#include <sys/types.h>

#include <istream>
#include <string>

namespace physgen {

/// Why a lock on a file system keeps off processes of this machine alone; empty where it keeps off those of all
/// machines that see it, or is on a disk of this machine. flock(2) reaches over NFS, Lustre, CIFS and others unless a
/// mount option or the file system itself keeps it local.
/// @param device     of a file on it, as stat(2) says
/// @param mountinfo  /proc/self/mountinfo
std::string local_lock_reason(dev_t device, std::istream& mountinfo);

}  // namespace physgen
