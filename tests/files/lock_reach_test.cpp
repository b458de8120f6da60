#include "files/lock_reach.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>

namespace physgen {
namespace {

// Of a mount of device 0:52.
std::string reason_of(const std::string& type, const std::string& options,
                      const std::string& of_mount = "rw,relatime") {
  std::istringstream mounts("22 28 0:21 / /sys rw,nosuid - sysfs sysfs rw\n36 28 0:52 / /runs " + of_mount +
                            " shared:7 - " + type + " server:/runs " + options +
                            "\n37 28 0:53 / /b rw - nfs b:/ rw,nolock\n");
  return local_lock_reason(makedev(0, 52), mounts);
}

TEST(LockReachTest, NetworkFileSystemsShareLocksUnlessTheirMountSaysOtherwise) {
  EXPECT_EQ(reason_of("nfs4", "rw,vers=4.2,local_lock=none,addr=10.0.0.1"), "");
  EXPECT_EQ(reason_of("nfs4", "rw,vers=4.2,local_lock=all,addr=10.0.0.1"), "nfs4 is mounted with local_lock=all");
  EXPECT_EQ(reason_of("nfs", "rw,vers=3,nolock,proto=tcp"), "nfs is mounted with nolock");
  EXPECT_EQ(reason_of("lustre", "rw,flock"), "");
  EXPECT_EQ(reason_of("lustre", "rw,localflock"), "lustre is mounted with localflock");
  EXPECT_EQ(reason_of("cifs", "rw", "rw,nobrl"), "cifs is mounted with nobrl");
  EXPECT_EQ(reason_of("fuse.sshfs", "rw"), "fuse.sshfs may keep locks to one machine");
  EXPECT_EQ(reason_of("ext4", "rw,nolock"), "");
}

TEST(LockReachTest, DisksOfThisMachineNeedNoMore) {
  struct stat status = {};
  ASSERT_EQ(stat("/proc/self", &status), 0);
  std::ifstream mounts("/proc/self/mountinfo");
  EXPECT_EQ(local_lock_reason(status.st_dev, mounts), "");
}

}  // namespace
}  // namespace physgen
