#include "core/foreign_file.h"

#include <gmock/gmock.h>

#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

using testing::HasSubstr;

TEST(ForeignFile, IsNamedWithWhatHelps) {
  const TemporaryFolder folder;
  const auto problem = [&](const std::string& bytes) {
    write_bytes(folder / "data.h5", bytes);
    return problem_of<FormatError>([&] { refuse_foreign_file(folder / "data.h5"); });
  };
  const Problem pointer =
      problem("version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 12345\n");
  EXPECT_EQ(pointer.where, (folder / "data.h5").string());
  EXPECT_EQ(pointer.got, "a Git-LFS pointer to a file of 12345 bytes");
  EXPECT_THAT(pointer.next_step, HasSubstr("git lfs pull"));
  EXPECT_EQ(problem("version https://git-lfs.github.com/spec/v1\nsize many\n").got, "a Git-LFS pointer to the file");
  EXPECT_EQ(problem("\n <!DOCTYPE html><title>Log in</title>").got, "a web page (HTML)");
  EXPECT_EQ(problem("").got, "an empty file");
  EXPECT_EQ(problem({"\x1f\x8b\x08\0\0", 5}).got, "a gzip archive");
  EXPECT_EQ(problem("\x28\xb5\x2f\xfd....").got, "a zstd archive");
  EXPECT_EQ(problem("PK\x03\x04....").got, "a zip archive");
}

TEST(ForeignFile, LeavesAllElseToItsReader) {
  const TemporaryFolder folder;
  for (const char* bytes : {"\x89HDF\r\n", "{}", "x", "version 1"}) {
    write_bytes(folder / "file", bytes);
    EXPECT_NO_THROW(refuse_foreign_file(folder / "file")) << bytes;
  }
  write_bytes(folder / "file", "PK\x03\x04....");
  EXPECT_NO_THROW(refuse_foreign_file(folder / "file", Zip::accepted));
  EXPECT_NO_THROW(refuse_foreign_file(folder / "none"));
  EXPECT_NO_THROW(refuse_foreign_file(folder.path()));
}

}  // namespace
}  // namespace physgen
