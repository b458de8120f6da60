#include "files/safetensors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>
#include <random>

#include "support/mutated.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"

namespace physgen {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A file as the format lays it out: the header's length, the header, the data.
std::string file_of(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

class SafetensorsTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.safetensors";

  SafetensorsFile open(const std::string& bytes) const {
    write_bytes(path_, bytes);
    return SafetensorsFile::open(path_);
  }

  void expect_refused(const std::string& bytes, const std::string& where, const std::string& got,
                      const std::string& expected) const {
    const Problem problem = problem_of<FormatError>([&] { open(bytes); });
    EXPECT_EQ(problem.where, path_.string() + where) << bytes;
    EXPECT_NE(problem.got.find(got), std::string::npos) << problem.got << " for " << bytes;
    EXPECT_NE(problem.expected.find(expected), std::string::npos) << problem.expected << " for " << bytes;
  }

  /// One tensor "a" of the given JSON, with `data` after it.
  void expect_tensor_refused(const std::string& fields, const std::string& data, const std::string& got,
                             const std::string& expected) const {
    expect_refused(file_of("{\"a\":{" + fields + "}}", data), ": a", got, expected);
  }
};

TEST_F(SafetensorsTest, WhatIsWrittenIsReadBack) {
  const std::string floats(24, 'f'), flags("\1\0\1", 3), nothing, scalar(8, 's');
  const std::vector<TensorEntry> entries = {{"flags", DataType::boolean, {3}, bytes_of(flags)},
                                            {"layer.weight", DataType::f32, {2, 3}, bytes_of(floats)},
                                            {"empty ü", DataType::f16, {0, 4}, bytes_of(nothing)},
                                            {"step", DataType::i64, {}, bytes_of(scalar)}};
  write_safetensors(path_, entries, {{"format", "pt"}, {"note", "\"quoted\"\n"}});
  const SafetensorsFile file = SafetensorsFile::open(path_);
  ASSERT_EQ(file.entries().size(), 4u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.metadata().at("note"), "\"quoted\"\n");
  for (const TensorEntry& entry : entries) {
    const TensorEntry* found = file.find(entry.name);
    ASSERT_NE(found, nullptr) << entry.name;
    EXPECT_EQ(found->type, entry.type);
    EXPECT_EQ(found->shape, entry.shape);
    EXPECT_EQ(text_of(found->data), text_of(entry.data));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(found->data.data()) % size_of(entry.type), 0u);
  }
  EXPECT_EQ(file.find("none"), nullptr);
  EXPECT_EQ(file.find("__metadata__"), nullptr);
}

TEST_F(SafetensorsTest, EveryTypeKeepsItsTextAndSize) {
  const std::string data(16, 'x');
  std::vector<TensorEntry> entries;
  for (const auto& [type, name] : choices_of(DataType{})) {
    entries.push_back({std::string(name), type, {static_cast<int64_t>(16 / size_of(type))}, bytes_of(data)});
  }
  write_safetensors(path_, entries);
  const SafetensorsFile file = SafetensorsFile::open(path_);
  for (const TensorEntry& entry : entries) EXPECT_EQ(file.find(entry.name)->type, entry.type) << entry.name;
  EXPECT_NE(read_bytes(path_).find("\"BF16\":{\"dtype\":\"BF16\",\"shape\":[8]"), std::string::npos);
}

TEST_F(SafetensorsTest, AFileWithoutTensorsIsReadBack) {
  write_safetensors(path_, {});
  EXPECT_TRUE(SafetensorsFile::open(path_).entries().empty());
  EXPECT_EQ(read_bytes(path_), file_of("{}      ", ""));
}

TEST_F(SafetensorsTest, EqualTensorsGiveEqualBytesInWhateverOrderTheyCome) {
  const std::string a(4, 'a'), b(4, 'b');
  std::vector<TensorEntry> entries = {{"a", DataType::u8, {4}, bytes_of(a)}, {"b", DataType::f32, {1}, bytes_of(b)}};
  write_safetensors(path_, entries);
  const std::string first = read_bytes(path_);
  std::swap(entries[0], entries[1]);
  write_safetensors(path_, entries);
  EXPECT_EQ(read_bytes(path_), first);
  EXPECT_EQ(first.substr(first.size() - 8), "bbbbaaaa");
}

TEST_F(SafetensorsTest, EntriesComeInTheOrderOfTheFile) {
  const SafetensorsFile file = open(file_of(R"({"z":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},)"
                                            R"("a":{"data_offsets":[2,4],"shape":[2],"dtype":"I8"},)"
                                            R"("m":{"dtype":"BOOL","shape":[],"data_offsets":[0,1]}})",
                                            "mzaa"));
  ASSERT_EQ(file.entries().size(), 3u);
  EXPECT_EQ(file.entries()[0].name, "m");
  EXPECT_EQ(file.entries()[1].name, "z");
  EXPECT_EQ(file.entries()[2].name, "a");
  EXPECT_EQ(text_of(file.entries()[2].data), "aa");
}

TEST_F(SafetensorsTest, TheBytesOutliveTheFileForWhoeverKeepsThemAlive) {
  const std::string data(4096, 'd');
  write_safetensors(path_, std::vector<TensorEntry>{{"a", DataType::u8, {4096}, bytes_of(data)}});
  std::shared_ptr<const void> keep_alive;
  std::span<const std::byte> bytes;
  {
    SafetensorsFile file = SafetensorsFile::open(path_);
    const SafetensorsFile moved = std::move(file);
    keep_alive = moved.keep_alive();
    bytes = moved.find("a")->data;
  }
  std::filesystem::remove(path_);
  EXPECT_EQ(text_of(bytes), data);
}

TEST_F(SafetensorsTest, AFileThatIsNotThereIsTheUsersMistake) {
  const Problem problem = problem_of<ConfigError>([&] { SafetensorsFile::open(path_); });
  EXPECT_EQ(problem.where, path_.string());
}

TEST_F(SafetensorsTest, WhatIsNotARegularFileIsRefused) {
  EXPECT_EQ(problem_of<FormatError>([&] { SafetensorsFile::open(folder_.path()); }).got, "not a regular file");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(problem_of<FormatError>([&] { SafetensorsFile::open(path_); }).got, "not a regular file");
}

TEST_F(SafetensorsTest, ALengthBeyondTheFileIsRefused) {
  expect_refused("", "", "an empty file", "the file itself");
  expect_refused("1234567", "", "7 bytes", "at least 8 bytes");
  expect_refused(std::string("\3\0\0\0\0\0\0\0{}", 10), "", "a header of 3 bytes", "at most 2");
  expect_refused(std::string(8, '\xff') + "{}", "", "a header of 18446744073709551615 bytes", "at most 2");
  expect_refused(std::string("\0\0\0\0\0\0\0\x80{}", 10), "", "a header of 9223372036854775808 bytes", "at most 2");
}

TEST_F(SafetensorsTest, AHeaderOfMoreThanAHundredMegabytesIsRefused) {
  const uint64_t length = 100'000'001;
  std::string head(8, '\0');
  std::memcpy(head.data(), &length, 8);
  write_bytes(path_, head);
  std::filesystem::resize_file(path_, 8 + length);
  const Problem problem = problem_of<FormatError>([&] { SafetensorsFile::open(path_); });
  EXPECT_EQ(problem.got, "a header of 100000001 bytes");
  EXPECT_EQ(problem.expected, "at most 100000000");
}

TEST_F(SafetensorsTest, AHeaderThatIsNotTheFormatsJsonIsRefused) {
  for (const char* header : {"", " {}", "[]", "\"a\"", "null"}) {
    expect_refused(file_of(header, ""), "", "does not start with {", "one JSON object");
  }
  for (const char* header : {"{", "{}x", "{} {}", "{\"a\"}", "{\"a\":}", "{\"\xff\":{}}", "{\"a\":1e999}"}) {
    const Problem problem = problem_of<FormatError>([&] { open(file_of(header, "")); });
    EXPECT_NE(problem.got.find("invalid JSON at byte "), std::string::npos) << header << problem.got;
  }
  expect_refused(file_of(std::string("{}\0 unseen", 10), ""), "", "a zero byte", "one JSON object");
  for (const char* value : {"null", "true", "1", "-1", "1.5", "\"x\"", "[]"}) {
    expect_refused(file_of(std::string("{\"a\":") + value + "}", ""), ": a", "", "an object");
  }
  expect_refused(file_of(R"({"__metadata__":{"a":1}})", ""), ": __metadata__", "1", "a text");
  expect_refused(file_of(R"({"__metadata__":{"a":{}}})", ""), ": __metadata__", "an object", "a text");
  expect_refused(file_of(R"({"__metadata__":[]})", ""), ": __metadata__", "a list", "an object");
}

TEST_F(SafetensorsTest, ADuplicateKeyIsRefused) {
  const std::string tensor = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  expect_refused(file_of("{\"a\":" + tensor + ",\"a\":" + tensor + "}", "x"), "", "\"a\" a second time", "each tensor");
  expect_refused(file_of(R"({"__metadata__":{},"__metadata__":{}})", ""), "", "\"__metadata__\" a second time", "");
  expect_refused(file_of(R"({"__metadata__":{"k":"","k":""}})", ""), ": __metadata__", "\"k\" a second time",
                 "each key");
  expect_tensor_refused(R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])", "x", "\"dtype\" a second time",
                        "each key once");
}

TEST_F(SafetensorsTest, ANameThatCannotBeShownIsRefused) {
  const std::string tensor = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  for (const std::string& name : {std::string(), std::string("a\\u0000b"), std::string("a\\nb"),
                                  std::string("\\u001b[2J"), std::string("a\\u007f"), std::string(1025, 'x')}) {
    expect_refused(file_of("{\"" + name + "\":" + tensor + "}", "x"), "", "the tensor name \"", "1 to 1024 bytes");
  }
  EXPECT_EQ(open(file_of("{\"" + std::string(1024, 'x') + "\":" + tensor + "}", "x")).entries().size(), 1u);
}

TEST_F(SafetensorsTest, FieldsThatAreMissingOrUnknownAreRefused) {
  expect_tensor_refused(R"("dtype":"U8","shape":[1])", "x", "2 fields", "dtype, shape and data_offsets");
  expect_tensor_refused("", "x", "0 fields", "dtype, shape and data_offsets");
  expect_tensor_refused(R"("dtype":"U8","stride":[1])", "x", "\"stride\"", "dtype, shape or data_offsets");
}

TEST_F(SafetensorsTest, AnUnknownDtypeIsRefusedWithTheChoices) {
  expect_tensor_refused(R"("dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1])", "x", "\"F8_E4M3\"",
                        "one of F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL");
  expect_tensor_refused(R"("dtype":3,"shape":[1],"data_offsets":[0,1])", "x", "3", "the text of a dtype");
}

TEST_F(SafetensorsTest, AShapeThatIsNotOneIsRefused) {
  const auto refused = [&](const std::string& shape, const std::string& got, const std::string& expected) {
    expect_tensor_refused("\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":[0,4]", "xxxx", got, expected);
  };
  refused("1", "1", "a list of dimensions");
  refused("[-1]", "-1", "a dimension of at least 0");
  refused("[1.0]", "1.0", "a dimension of at least 0");
  refused("[[1]]", "a list", "a dimension of at least 0");
  refused("[\"1\"]", "\"1\"", "a dimension of at least 0");
  refused("[9223372036854775808]", "9223372036854775808", "at most 2^63 - 1");
  refused("[4611686018427387904]", "4611686018427387904", "at most 2^63 - 1 bytes");
  refused("[4294967296,4294967296]", "4294967296", "at most 2^63 - 1 bytes");
  refused("[4611686018427387904,0]", "4611686018427387904", "at most 2^63 - 1 bytes");
  std::string many = "[1";
  for (int i = 0; i < 64; ++i) many += ",1";
  refused(many + "]", "more numbers", "at most 64");
}

TEST_F(SafetensorsTest, OffsetsThatDoNotFitAreRefused) {
  const auto refused = [&](const std::string& offsets, const std::string& got, const std::string& expected) {
    expect_tensor_refused("\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + offsets, "xxxx", got, expected);
  };
  refused("[0]", "1 data_offsets", "2");
  refused("[0,2,4]", "3 data_offsets", "2");
  refused("[-1,3]", "-1", "an offset of at least 0");
  refused("[4,0]", "[4, 0]", "a range inside the 4 bytes");
  refused("[0,5]", "[0, 5]", "a range inside the 4 bytes");
  refused("[0,9223372036854775807]", "[0, 9223372036854775807]", "a range inside the 4 bytes");
  refused("[0,3]", "[0, 3]", "4 bytes, as its dtype and shape ask");
  refused("[1,4]", "[1, 4]", "a begin of 0");
}

TEST_F(SafetensorsTest, OverlapsHolesAndLooseEndsAreRefused) {
  const auto file = [](const std::string& first, const std::string& second, const std::string& data) {
    return file_of("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + first +
                       "},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + second + "}}",
                   data);
  };
  EXPECT_EQ(open(file("[0,2]", "[2,4]", "aabb")).entries().size(), 2u);
  expect_refused(file("[0,2]", "[1,3]", "aab"), ": b", "[1, 3]", "a begin of 2, no overlap");
  expect_refused(file("[0,2]", "[0,2]", "aa"), ": b", "[0, 2]", "a begin of 2, no overlap");
  expect_refused(file("[0,2]", "[3,5]", "aa.bb"), ": b", "[3, 5]", "a begin of 2, no overlap and no hole");
  expect_refused(file("[0,2]", "[2,4]", "aabb."), "", "5 bytes of data", "4, the sum of its tensors");
  expect_refused(file("[0,2]", "[2,4]", "aab"), ": b", "[2, 4]", "a range inside the 3 bytes");
  expect_refused(file_of("{}", "x"), "", "1 bytes of data", "0, the sum");
}

TEST_F(SafetensorsTest, ALongErrorIsShortened) {
  const Problem problem =
      problem_of<FormatError>([&] { open(file_of("{\"a\":\"" + std::string(100000, 'x') + "\"}", "")); });
  EXPECT_LT(problem.got.size(), 300u);
}

TEST_F(SafetensorsTest, DeepNestingIsRefusedAtOnce) {
  expect_tensor_refused("\"shape\":" + std::string(1000000, '['), "", "a list", "a dimension");
}

/// Fails unless every tensor has the bytes that its dtype and shape ask for, and the tensors fill the file's end.
void expect_declared_sizes(const SafetensorsFile& file, const std::string& bytes) {
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  size_t total = 0;
  for (const TensorEntry& entry : file.entries()) {
    size_t size = size_of(entry.type);
    for (const int64_t dimension : entry.shape) size *= static_cast<size_t>(dimension);
    EXPECT_EQ(text_of(entry.data).size(), size) << entry.name;
    total += size;
  }
  EXPECT_EQ(8 + header + total, bytes.size());
}

TEST_F(SafetensorsTest, AMutatedFileIsRefusedOrStillMakesSense) {
  const std::string floats(24, 'f'), flags("\1\0\1", 3);
  write_safetensors(path_,
                    std::vector<TensorEntry>{{"flags", DataType::boolean, {3}, bytes_of(flags)},
                                             {"layer.weight", DataType::f32, {2, 3}, bytes_of(floats)}},
                    {{"format", "pt"}});
  const std::string whole = read_bytes(path_);
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 2500; ++i) {
    const std::string damaged = mutated(whole, random);
    try {
      expect_declared_sizes(open(damaged), damaged);
    } catch (const FormatError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1250);
  EXPECT_LT(refused, 2500) << "the data may be changed, and the tensors renamed";
}

TEST_F(SafetensorsTest, TensorsThatCannotBeSavedAreRefusedAndTheOldFileStays) {
  write_bytes(path_, "old");
  const std::string data(4, 'd');
  const auto refused = [&](const std::vector<TensorEntry>& entries) {
    const Problem problem = problem_of<Error>([&] { write_safetensors(path_, entries); });
    EXPECT_EQ(read_bytes(path_), "old");
    EXPECT_EQ(problem.where.find(path_.string()), 0u) << problem.where;
    return problem;
  };
  EXPECT_EQ(refused({{"a", DataType::f32, {2}, bytes_of(data)}}).got, "4 bytes");
  EXPECT_EQ(refused({{"a", DataType::f32, {2}, bytes_of(data)}}).expected, "8");
  EXPECT_NE(refused({{"", DataType::f32, {1}, bytes_of(data)}}).expected, "");
  EXPECT_NE(refused({{"__metadata__", DataType::f32, {1}, bytes_of(data)}}).expected, "");
  EXPECT_NE(refused({{"a\xff", DataType::f32, {1}, bytes_of(data)}}).got, "");
  EXPECT_EQ(refused({{"a", DataType::f32, {1}, bytes_of(data)}, {"a", DataType::u8, {4}, bytes_of(data)}}).what,
            "two tensors have one name");
}

/// What the reference package prints, or nothing where it is not installed.
std::string run_python(const std::string& program) {
  std::string output;
  // NOLINTNEXTLINE(bugprone-command-processor): a program of ours
  FILE* pipe = ::popen(("\"" PHYSGEN_PYTHON "\" -c '" + program + "' 2>/dev/null").c_str(), "r");
  char piece[4096];
  while (const size_t count = std::fread(piece, 1, sizeof(piece), pipe)) output.append(piece, count);
  ::pclose(pipe);
  return output;
}

TEST_F(SafetensorsTest, TheReferencePackageReadsWhatWeWrite) {
  if (run_python("import safetensors; print(1)") != "1\n") {
    GTEST_SKIP() << "the Python package safetensors is not installed beside " PHYSGEN_PYTHON;
  }
  const std::string floats = "abcdefgh", halves = "xy", flags("\1\0\1", 3);
  write_safetensors(path_,
                    std::vector<TensorEntry>{{"flags", DataType::boolean, {3}, bytes_of(flags)},
                                             {"half ü", DataType::bf16, {1, 1}, bytes_of(halves)},
                                             {"layer.weight", DataType::f32, {2}, bytes_of(floats)}},
                    {{"format", "pt"}});
  const std::string output = run_python(
      "import safetensors\n"
      "file = open(\"" +
      path_.string() +
      "\", \"rb\").read()\n"
      "for name, t in sorted(safetensors.deserialize(file)):\n"
      "  print(name.encode(), t[\"dtype\"], t[\"shape\"], bytes(t[\"data\"]))\n");
  EXPECT_EQ(output,
            "b'flags' BOOL [3] b'\\x01\\x00\\x01'\nb'half \\xc3\\xbc' BF16 [1, 1] b'xy'\n"
            "b'layer.weight' F32 [2] b'abcdefgh'\n");
}

}  // namespace
}  // namespace physgen
