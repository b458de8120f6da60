#include "physgen/files/manifest.h"

#include <gtest/gtest.h>

#include "support/duplicate_key.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

class ManifestTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const fs::path manifest_ = folder_ / kManifestName;

  void SetUp() override {
    write_bytes(folder_ / "b.bin", "bbb");
    write_bytes(folder_ / "a.json", "{}");
    write_bytes(folder_ / "empty", "");
    write_manifest(folder_.path(), "model");
  }

  Problem refused() const {
    return problem_of<FormatError>([&] { verify_manifest(folder_.path()); });
  }

  void expect_refused(const std::string& got) const {
    const Problem problem = refused();
    EXPECT_EQ(problem.got, got);
    EXPECT_EQ(problem.where, folder_.path().string());
    EXPECT_NE(problem.expected, "");
    EXPECT_NE(problem.next_step, "");
  }

  /// Replaces one text of the manifest by another.
  void edit(const std::string& from, const std::string& to) const {
    std::string text = read_bytes(manifest_);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    write_bytes(manifest_, text.replace(at, from.size(), to));
  }
};

TEST_F(ManifestTest, AnIntactDirectoryIsVerified) {
  const Manifest manifest = verify_manifest(folder_.path());
  EXPECT_EQ(manifest.format_version, kManifestVersion);
  EXPECT_EQ(manifest.kind, "model");
  ASSERT_EQ(manifest.files.size(), 3u);
  EXPECT_EQ(manifest.files[0].name, "a.json");
  EXPECT_EQ(manifest.files[1].size, 3);
  EXPECT_EQ(manifest.files[2].sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_F(ManifestTest, TheHashIsSha256) {
  write_bytes(folder_ / "b.bin", "abc");
  EXPECT_EQ(sha256_of_file(folder_ / "b.bin"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  write_bytes(folder_ / "b.bin", std::string(1'000'000, 'a'));  // the million of NIST's examples
  EXPECT_EQ(sha256_of_file(folder_ / "b.bin"), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  const Problem problem = problem_of<Error>([&] { sha256_of_file(folder_ / "none"); });
  EXPECT_EQ(problem.got, "No such file or directory");
}

TEST_F(ManifestTest, TheHashesOfDataAreWhatSha256sumPrints) {
  const TemporaryFolder other;
  std::filesystem::create_directories(other / "set/meta");
  write_bytes(other / "set/meta/info.json", "abc");
  write_bytes(other / "set/a.parquet", "");
  write_bytes(other / "b.h5", "abc");
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const std::string nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  EXPECT_EQ(sha256_lines({other / "set", other / "b.h5"}),
            nothing + "  a.parquet\n" + abc + "  meta/info.json\n" + abc + "  b.h5\n");
}

TEST_F(ManifestTest, WritingItAgainCoversWhatIsThereThen) {
  write_bytes(folder_ / "new", "n");
  write_manifest(folder_.path(), "training");
  EXPECT_EQ(verify_manifest(folder_.path()).files.size(), 4u);
  EXPECT_EQ(verify_manifest(folder_.path()).kind, "training");
}

TEST_F(ManifestTest, EachThingThatIsWrongWithAFileIsNamed) {
  write_bytes(folder_ / "b.bin", "bxb");
  expect_refused("\"b.bin\" is damaged");
  write_bytes(folder_ / "b.bin", "bbbb");
  expect_refused("\"b.bin\" has 4 bytes, not 3");
  fs::remove(folder_ / "b.bin");
  expect_refused("\"b.bin\" is missing");
  fs::create_directory(folder_ / "b.bin");
  expect_refused("\"b.bin\" is not a regular file");
}

TEST_F(ManifestTest, AllThatIsWrongIsNamedAtOnce) {
  write_bytes(folder_ / "a.json", "{]");
  fs::remove(folder_ / "b.bin");
  fs::create_directory(folder_ / "more");
  expect_refused("\"a.json\" is damaged; \"b.bin\" is missing; \"more\" is not in the manifest");
}

TEST_F(ManifestTest, ALongListIsShortened) {
  for (int i = 0; i < 13; ++i) write_bytes(folder_ / ("extra" + std::to_string(i)), "");
  EXPECT_NE(refused().got.find("; and 3 more"), std::string::npos) << refused().got;
}

TEST_F(ManifestTest, ALinkInPlaceOfAFileIsRefused) {
  fs::rename(folder_ / "b.bin", folder_ / "c.bin");
  fs::create_symlink(folder_ / "c.bin", folder_ / "b.bin");
  expect_refused("\"b.bin\" is not a regular file; \"c.bin\" is not in the manifest");
}

TEST_F(ManifestTest, AMissingManifestOrDirectoryIsNamed) {
  fs::remove(manifest_);
  EXPECT_EQ(refused().where, manifest_.string());
  EXPECT_EQ(problem_of<ConfigError>([&] { verify_manifest(folder_ / "none"); }).where, (folder_ / "none").string());
  EXPECT_EQ(problem_of<ConfigError>([&] { verify_manifest(folder_ / "b.bin"); }).where, (folder_ / "b.bin").string());
}

TEST_F(ManifestTest, NoByteOfAManifestChangesUnseen) {
  const std::string whole = read_bytes(manifest_);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    write_bytes(manifest_, damaged);
    EXPECT_THROW(verify_manifest(folder_.path()), FormatError) << "byte " << i;
    write_bytes(manifest_, whole.substr(0, i));
    EXPECT_THROW(verify_manifest(folder_.path()), FormatError) << "the first " << i << " bytes";
  }
  write_bytes(manifest_, whole + "\n");
  EXPECT_EQ(refused().got, "a text that does not match its own hash");
}

TEST_F(ManifestTest, ANameThatLeavesTheDirectoryIsRefused) {
  for (const char* name :
       {"../secret", "/etc/passwd", "..", ".", "", "x\\\\y", "x\\u0000y", "x\\u001by", "MANIFEST.json"}) {
    write_manifest(folder_.path(), "model");
    edit("\"b.bin\"", "\"" + std::string(name) + "\"");
    EXPECT_EQ(refused().got, "the file name \"" + std::string(name) + "\"");
    EXPECT_EQ(refused().where, manifest_.string() + ", line 11: files[1].name");
    EXPECT_EQ(refused().expected, "a plain file name");
  }
}

TEST_F(ManifestTest, AnotherVersionIsRefused) {
  edit("\"format_version\": 1", "\"format_version\": 2");
  EXPECT_EQ(refused().got, "2");
  EXPECT_EQ(refused().expected, "1");
}

TEST_F(ManifestTest, WhatIsNotAManifestIsRefused) {
  for (const char* text :
       {"", "{}", "[]", "null", "{\"format_version\": \"1\"}", "{\"format_version\": 1, \"kind\": 2}",
        "{\"format_version\": 1, \"kind\": \"model\", \"files\": [3]}", "{\"kind\": 1, \"kind\": 1}"}) {
    write_bytes(manifest_, text);
    EXPECT_EQ(refused().where.find(manifest_.string()), 0u) << text;
  }
  fs::remove(manifest_);
  fs::create_directory(manifest_);
  EXPECT_NE(refused().got.find("not a regular file"), std::string::npos);
}

TEST_F(ManifestTest, ADuplicateKeyIsRefused) {
  expect_duplicate_key_refused<FormatError>(manifest_, [&] { verify_manifest(folder_.path()); });
}

TEST_F(ManifestTest, AManifestOfEndlessLengthIsRefused) {
  fs::resize_file(manifest_, (1 << 20) + 1);
  EXPECT_EQ(refused().expected, "at most 1048576");
}

TEST_F(ManifestTest, WhatAManifestCannotListIsNamedWhenItIsWritten) {
  fs::create_directory(folder_ / "inner");
  const Problem problem = problem_of<Error>([&] { write_manifest(folder_.path(), "model"); });
  EXPECT_EQ(problem.where, (folder_ / "inner").string());
  EXPECT_NE(problem.expected, "");
  fs::remove(folder_ / "inner");
  fs::create_symlink("b.bin", folder_ / "link");
  EXPECT_EQ(problem_of<Error>([&] { write_manifest(folder_.path(), "model"); }).where, (folder_ / "link").string());
}

}  // namespace
}  // namespace physgen
