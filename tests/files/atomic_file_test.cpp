#include "files/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "physgen/files/manifest.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

/// Saves a directory of three files that all hold `content`, with its manifest.
void save(const fs::path& path, char content, size_t bytes = 50000) {
  AtomicDirectory directory(path);
  for (const char* name : {"a.bin", "b.bin", "c.bin"}) {
    write_file_atomically(directory.path() / name, std::string(bytes, content));
  }
  write_manifest(directory.path(), "test");
  directory.commit();
}

/// The content of a directory that `save` made. Throws where it is not whole.
char load(const fs::path& path) {
  recover_directory(path);
  verify_manifest(path);
  const std::string first = read_bytes(path / "a.bin");
  for (const char* name : {"a.bin", "b.bin", "c.bin"}) EXPECT_EQ(read_bytes(path / name), first);
  return first.at(0);
}

/// Runs `body` in a process of its own; what it throws comes back as text.
std::string in_child(const std::function<void()>& body) {
  int ends[2];
  if (::pipe(ends) != 0) return "pipe failed";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string text;
    try {
      body();
    } catch (const std::exception& error) {
      text = error.what();
    }
    const ssize_t written = ::write(ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text;
  char piece[512];
  for (ssize_t count = 0; (count = ::read(ends[0], piece, sizeof(piece))) > 0;)
    text.append(piece, static_cast<size_t>(count));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : "the child died with status " + std::to_string(status);
}

void require(bool holds, const std::string& what) {
  if (!holds) throw Error({.what = what});
}

TEST(AtomicFileTest, AFileIsWrittenAndReplaced) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "first");
  EXPECT_EQ(read_bytes(folder / "a"), "first");
  write_file_atomically(folder / "a", std::string(1 << 20, 'x'));
  EXPECT_EQ(read_bytes(folder / "a"), std::string(1 << 20, 'x'));
  write_file_atomically(folder / "a", "");
  EXPECT_EQ(read_bytes(folder / "a"), "");
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(AtomicFileTest, WhatIsNotCommittedLeavesNoTrace) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write(std::as_bytes(std::span("new", 3)));
    EXPECT_EQ(names_in(folder.path()).size(), 2u);
    EXPECT_EQ(read_bytes(folder / "a"), "old");
  }
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
  EXPECT_EQ(read_bytes(folder / "a"), "old");
}

TEST(AtomicFileTest, AFolderThatIsNotThereIsNamed) {
  const TemporaryFolder folder;
  const Problem problem = problem_of<Error>([&] { write_file_atomically(folder / "none/a", "x"); });
  EXPECT_EQ(problem.where.find((folder / "none/a").string()), 0u) << problem.where;
  EXPECT_EQ(problem.got, "No such file or directory");
}

TEST(AtomicFileTest, AFolderIsNotReplacedByAFile) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "a");
  const Problem problem = problem_of<Error>([&] { write_file_atomically(folder / "a", "x"); });
  EXPECT_EQ(problem.where, (folder / "a").string());
  EXPECT_EQ(problem.got, "Is a directory");
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(AtomicDirectoryTest, ADirectoryAppearsWithItsCommit) {
  const TemporaryFolder folder;
  const fs::path path = folder / "runs/step-1/";
  {
    AtomicDirectory directory(path);
    EXPECT_EQ(directory.path().filename(), "step-1.partial-" + std::to_string(::getpid()));
    fs::create_directory(directory.path() / "inner");
    write_bytes(directory.path() / "inner/a", "x");
    EXPECT_FALSE(fs::exists(path));
    directory.commit();
  }
  EXPECT_EQ(read_bytes(path / "inner/a"), "x");
  EXPECT_EQ(names_in(folder / "runs"), Names{"step-1"});
}

TEST(AtomicDirectoryTest, ADirectoryIsReplacedWhole) {
  const TemporaryFolder folder;
  save(folder / "a", '1');
  write_bytes(folder / "a/stale", "x");
  save(folder / "a", '2');
  EXPECT_EQ(load(folder / "a"), '2');
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(AtomicDirectoryTest, WhatIsNotCommittedLeavesNoTrace) {
  const TemporaryFolder folder;
  save(folder / "a", '1');
  {
    AtomicDirectory directory(folder / "a");
    write_bytes(directory.path() / "x", "x");
  }
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
  EXPECT_EQ(load(folder / "a"), '1');
}

TEST(AtomicDirectoryTest, AFileInItsPlaceIsNotReplaced) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "x");
  const Problem problem = problem_of<Error>([&] { save(folder / "a", '1'); });
  EXPECT_EQ(problem.where, (folder / "a").string());
  EXPECT_EQ(problem.got, "Not a directory");
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(AtomicDirectoryTest, TwoWritersOfOneProcessDoNotShareADirectory) {
  const TemporaryFolder folder;
  AtomicDirectory first(folder / "a");
  EXPECT_EQ(problem_of<Error>([&] { AtomicDirectory second(folder / "a"); }).got, "File exists");
  first.commit();
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(RecoverDirectoryTest, ADirectorySetAsideIsPutBackAndHalfASaveRemoved) {
  const TemporaryFolder folder;
  save(folder / "a", '1');
  fs::rename(folder / "a", folder / "a.old-999999");
  fs::create_directory(folder / "a.partial-999999");
  EXPECT_EQ(load(folder / "a"), '1');
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(RecoverDirectoryTest, TheOldIsRemovedWhereTheNewHasTakenItsPlace) {
  const TemporaryFolder folder;
  save(folder / "a", '2');
  save(folder / "a.old-999999", '1');
  EXPECT_EQ(load(folder / "a"), '2');
  EXPECT_EQ(names_in(folder.path()), Names{"a"});
}

TEST(RecoverDirectoryTest, OthersNamesAreLeftAlone) {
  const TemporaryFolder folder;
  const Names names = {"a.old-", "a.old-1x", "a.partial", "a.partial-x", "ab.old-1", "b.partial-1"};
  for (const std::string& name : names) fs::create_directory(folder / name);
  write_bytes(folder / "a.old-7", "a file");
  recover_directory(folder / "a");
  recover_directory(folder / "none/a");
  EXPECT_EQ(names_in(folder.path()).size(), names.size() + 1);
}

TEST(RecoverDirectoryTest, WhatALivingWriterHoldsIsLeftAlone) {
  const TemporaryFolder folder;
  AtomicDirectory directory(folder / "a");
  EXPECT_EQ(in_child([&] { recover_directory(folder / "a"); }), "");
  EXPECT_TRUE(fs::exists(directory.path()));
}

TEST(RecoverDirectoryTest, TwoDirectoriesSetAsideAreLeftToTheUser) {
  const TemporaryFolder folder;
  for (const char* name : {"a.old-1", "a.old-2"}) fs::create_directory(folder / name);
  const Problem problem = problem_of<Error>([&] { recover_directory(folder / "a"); });
  EXPECT_EQ(problem.where, (folder / "a").string());
  EXPECT_EQ(problem.got, "a.old-1, a.old-2");
  EXPECT_EQ(names_in(folder.path()), (Names{"a.old-1", "a.old-2"}));
}

TEST(RunLockTest, ASecondRunIsRefusedWithTheProcessNamed) {
  const TemporaryFolder folder;
  {
    const RunLock lock(folder / "runs/a");
    const Problem problem = problem_of<ConfigError>([&] { RunLock second(folder / "runs/a"); });
    EXPECT_EQ(problem.where, (folder / "runs/a").string());
    EXPECT_THAT(problem.got,
                testing::MatchesRegex("a lock that process " + std::to_string(::getpid()) + " of .+ holds"));
    EXPECT_NE(problem.next_step, "");
    EXPECT_NE(in_child([&] { RunLock other(folder / "runs/a"); }).find(std::to_string(::getpid())), std::string::npos);
    const RunLock elsewhere(folder / "runs/b");
  }
  EXPECT_NO_THROW(RunLock(folder / "runs/a"));
}

TEST(RunLockTest, TheLockOfAProcessThatDiedIsFree) {
  const TemporaryFolder folder;
  EXPECT_NE(in_child([&] {
              const RunLock lock(folder.path());
              ::raise(SIGKILL);
            }),
            "");
  EXPECT_NO_THROW(RunLock(folder.path()));
}

TEST(RunLockTest, AFileIsNotAnOutputDirectory) {
  const TemporaryFolder folder;
  write_bytes(folder / "a", "x");
  EXPECT_EQ(problem_of<Error>([&] { RunLock lock(folder / "a"); }).where.find((folder / "a").string()), 0u);
}

TEST(CrashTest, WhenKilledAtARandomMomentTheOldOrTheNewDirectoryLoads) {
  // In memory, where no time goes into waiting for the disk: the kills spread over all calls.
  const TemporaryFolder folder(fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path());
  const fs::path path = folder / "checkpoint";
  save(path, 'a');
  std::mt19937 random(std::random_device{}());
  std::set<char> seen;
  for (int kill = 0; kill < 50; ++kill) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (int i = 0;; ++i) save(path, static_cast<char>('a' + (kill + i) % 26), 20000);
    }
    ::usleep(static_cast<useconds_t>(random() % 20000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the saving process stopped by itself";
    ASSERT_NO_THROW(seen.insert(load(path))) << "kill " << kill;
    ASSERT_EQ(names_in(folder.path()), Names{"checkpoint"});
  }
  EXPECT_GT(seen.size(), 1u);
}

/// With `room` bytes left, a save succeeds whole or fails and says why; with room again, the next one succeeds.
/// Returns whether it succeeded.
bool save_with_little_room(const fs::path& path, const std::function<void()>& make_room) {
  bool saved = true;
  try {
    save(path, 'b', 20000);
  } catch (const Error& error) {
    saved = false;
    require(error.problem().where.find(path.string()) == 0, "another place: " + error.problem().where);
    const bool named = error.problem().got == "No space left on device" || error.problem().got == "File too large";
    require(named, "another reason: " + error.problem().got);
    require(!error.problem().next_step.empty(), "no next step");
  }
  require(load(path) == (saved ? 'b' : 'a'), "the wrong directory stands there");
  make_room();
  save(path, 'c', 20000);
  require(load(path) == 'c', "the next save is not there");
  return saved;
}

TEST(FullDiskTest, TheOldDirectoryIsIntactAndTheNextSaveWorks) {
  const TemporaryFolder folder;
  const std::string failure = in_child([&] {
    if (::unshare(CLONE_NEWNS) != 0) throw Error({.what = "cannot mount"});
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    int failed = 0;
    for (int free_pages = 0; free_pages < 20; ++free_pages) {
      if (::mount("none", folder.path().c_str(), "tmpfs", 0, "size=240k") != 0) throw Error({.what = "cannot mount"});
      save(folder / "a", 'a', 20000);
      const uintmax_t room = fs::space(folder.path()).available;
      write_bytes(folder / "filler", std::string(room - static_cast<size_t>(free_pages) * 4096, 'x'));
      failed += !save_with_little_room(folder / "a", [&] { fs::remove(folder / "filler"); });
      require(names_in(folder.path()) == Names{"a"}, "something is left behind");
      ::umount(folder.path().c_str());
    }
    require(failed > 0 && failed < 20, std::to_string(failed) + " of 20 saves failed");
  });
  if (failure == "cannot mount") GTEST_SKIP() << "this user may not mount a tmpfs";
  EXPECT_EQ(failure, "");
}

TEST(FullDiskTest, AFileSizeLimitIsAClearErrorToo) {
  const TemporaryFolder folder;
  EXPECT_EQ(in_child([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              save(folder / "a", 'a', 20000);
              rlimit limit{10000, RLIM_INFINITY};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              const bool saved = save_with_little_room(folder / "a", [&] {
                limit.rlim_cur = RLIM_INFINITY;
                ::setrlimit(RLIMIT_FSIZE, &limit);
              });
              require(!saved, "20000 bytes were saved with a limit of 10000");
            }),
            "");
}

}  // namespace
}  // namespace physgen
