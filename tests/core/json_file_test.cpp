#include "core/json_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

constexpr JsonWords kWords = {
    .damaged = "no recipe", .missing = "there is no recipe", .expected = "a recipe", .next_step = "write one"};

class JsonFile : public testing::Test {
 protected:
  Problem problem() const {
    return problem_of<FormatError>([&] { read_json_file(path_, kWords); });
  }
  std::vector<std::string> lines(const std::string& text, LastLine last) const {
    write_bytes(path_, text);
    std::vector<std::string> found;
    each_json_line(path_, kWords, last, [&](const JsonView& value, const std::string& line) {
      found.push_back(value.where().substr(path_.string().size()) + " " + line);
    });
    return found;
  }

  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.json";
};

TEST_F(JsonFile, ItsValueIsRead) {
  write_bytes(path_, "\n{\"a\": 3}\n");
  EXPECT_EQ(read_json_file(path_).at("a").integer(), 3);
  EXPECT_EQ(read_json_file(path_).at("a").where(), path_.string() + ", line 2: a");
}

TEST_F(JsonFile, AMissingOneIsRefusedInItsWords) {
  EXPECT_EQ(problem().what, "there is no recipe");
  EXPECT_EQ(problem().where, path_.string());
  EXPECT_EQ(problem().got, "No such file or directory");
  EXPECT_EQ(problem().expected, "a recipe");
  EXPECT_EQ(problem().next_step, "write one");
}

TEST_F(JsonFile, AFolderAndAPipeAreRefused) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(problem().got, "no regular file");
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(problem().got, "no regular file");
}

TEST_F(JsonFile, OneOfSixteenMebibytesIsReadAndALargerOneRefused) {
  write_bytes(path_, "{}" + std::string(kLargestJsonFile - 2, ' '));
  EXPECT_TRUE(read_json_file(path_).members().empty());
  write_bytes(path_, "{}" + std::string(kLargestJsonFile - 1, ' '));
  EXPECT_EQ(problem().what, "a JSON file is too large");
  EXPECT_EQ(problem().got, "16777217 bytes");
}

TEST_F(JsonFile, AnEmptyOneIsRefused) {
  write_bytes(path_, "");
  EXPECT_EQ(problem().got, "an empty file");
  EXPECT_EQ(problem().where, path_.string());
}

TEST_F(JsonFile, LinesAreReadWithTheirNumber) {
  EXPECT_EQ(lines("{}\n\n  \r\n[1]\n3", LastLine::whole),
            (std::vector<std::string>{", line 1 {}", ", line 4 [1]", ", line 5 3"}));
  EXPECT_TRUE(lines("", LastLine::whole).empty());
}

TEST_F(JsonFile, ALastLineThatMayBeTornIsLeftOut) {
  EXPECT_EQ(lines("{}\n{\"a\"", LastLine::torn), (std::vector<std::string>{", line 1 {}"}));
  EXPECT_EQ(lines("{}\n[]\n", LastLine::torn).size(), 2u);
  EXPECT_EQ(problem_of<FormatError>([&] { lines("{}\n{\"a\"", LastLine::whole); }).where,
            path_.string() + ", line 2, column 4");
  EXPECT_EQ(problem_of<FormatError>([&] { lines("{}\n{\"a\"\n{}\n", LastLine::torn); }).where,
            path_.string() + ", line 2, column 4");
}

TEST_F(JsonFile, ADuplicateKeyInALineIsRefusedWithItsNumber) {
  EXPECT_EQ(problem_of<FormatError>([&] { lines("{}\n{\"a\": 1, \"a\": 1}\n", LastLine::torn); }).where,
            path_.string() + ", line 2: a");
}

}  // namespace
}  // namespace physgen
