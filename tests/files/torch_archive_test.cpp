#include "files/torch_archive.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <random>

#include "physgen/core/error.h"
#include "support/mutated.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "support/tensor_entries.h"
#include "support/torch_archive_writer.h"

// state_dict.bin and parameters.bin are what PyTorch 2.11 makes of this:
//
//   module = torch.nn.Linear(2, 3)
//   module.weight.data = torch.arange(6.0).view(3, 2) / 4
//   module.bias.data = torch.tensor([-1.0, 0.5, 2.0])
//   for name in "float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool".split():
//     module.register_buffer("of_" + name, torch.tensor([1, 0, 100]).to(getattr(torch, name)))
//   module.register_buffer("step", torch.tensor(-7))
//   module.register_buffer("empty", torch.zeros(0, 4))
//   module.register_buffer("all", torch.arange(8.0).view(2, 4))
//   module.register_buffer("second_row", module.all[1:])
//   torch.save(module.state_dict(), "state_dict.bin")
//   torch.save({"ü": module.weight, "half": module.bias[:2].detach().half()}, "parameters.bin")

namespace physgen {
namespace {

using Shape = std::vector<int64_t>;

const std::filesystem::path kGolden = std::filesystem::path(PHYSGEN_SOURCE_DIR) / "tests/golden";

class TorchArchiveTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "a.bin";

  TorchArchive open(const std::string& bytes) const {
    write_bytes(path_, bytes);
    return TorchArchive::open(path_);
  }

  TorchArchive open_pickle(const std::string& pickle) const { return open(zip_of(parts_of(pickle))); }

  /// Whatever is refused names the file.
  Problem refusal_of(const std::string& bytes) const {
    const Problem problem = problem_of<FormatError>([&] { open(bytes); });
    EXPECT_EQ(problem.where.find(path_.string()), 0u) << problem.where;
    return problem;
  }

  void expect_refused(const std::string& pickle, const std::string& got) const {
    const Problem problem = refusal_of(zip_of(parts_of(pickle)));
    EXPECT_EQ(problem.where, path_.string() + ": data.pkl");
    EXPECT_NE(problem.got.find(got), std::string::npos) << problem.got << " for " << got;
  }

  void expect_tensor_refused(const PickledTensorParts& tensor, const std::string& got) const {
    const Problem problem = refusal_of(zip_of(parts_of(pickle_of_dict(pickled(tensor)))));
    EXPECT_NE(problem.got.find(got), std::string::npos) << problem.got << " for " << got;
  }
};

TEST_F(TorchArchiveTest, AStateDictOfPyTorchIsReadEqual) {
  const TorchArchive archive = TorchArchive::open(kGolden / "state_dict.bin");
  ASSERT_EQ(archive.entries().size(), 16u);
  EXPECT_EQ(archive.entries()[0].name, "weight");
  EXPECT_EQ(archive.entries()[15].name, "second_row");
  expect_entry(archive, "weight", DataType::f32, {3, 2}, bytes_of<float>({0, 0.25, 0.5, 0.75, 1, 1.25}));
  expect_entry(archive, "bias", DataType::f32, {3}, bytes_of<float>({-1, 0.5, 2}));
  expect_entry(archive, "of_float64", DataType::f64, {3}, bytes_of<double>({1, 0, 100}));
  expect_entry(archive, "of_float32", DataType::f32, {3}, bytes_of<float>({1, 0, 100}));
  expect_entry(archive, "of_float16", DataType::f16, {3}, bytes_of<uint16_t>({0x3c00, 0, 0x5640}));
  expect_entry(archive, "of_bfloat16", DataType::bf16, {3}, bytes_of<uint16_t>({0x3f80, 0, 0x42c8}));
  expect_entry(archive, "of_int64", DataType::i64, {3}, bytes_of<int64_t>({1, 0, 100}));
  expect_entry(archive, "of_int32", DataType::i32, {3}, bytes_of<int32_t>({1, 0, 100}));
  expect_entry(archive, "of_int16", DataType::i16, {3}, bytes_of<int16_t>({1, 0, 100}));
  expect_entry(archive, "of_int8", DataType::i8, {3}, bytes_of<int8_t>({1, 0, 100}));
  expect_entry(archive, "of_uint8", DataType::u8, {3}, bytes_of<uint8_t>({1, 0, 100}));
  expect_entry(archive, "of_bool", DataType::boolean, {3}, bytes_of<uint8_t>({1, 0, 1}));
  expect_entry(archive, "step", DataType::i64, {}, bytes_of<int64_t>({-7}));
  expect_entry(archive, "empty", DataType::f32, {0, 4}, "");
  expect_entry(archive, "all", DataType::f32, {2, 4}, bytes_of<float>({0, 1, 2, 3, 4, 5, 6, 7}));
  expect_entry(archive, "second_row", DataType::f32, {1, 4}, bytes_of<float>({4, 5, 6, 7}));
  EXPECT_EQ(archive.find("second_row")->data.data(), archive.find("all")->data.data() + 16);
  EXPECT_EQ(archive.find("_metadata"), nullptr);
}

TEST_F(TorchArchiveTest, APlainDictWithAParameterIsReadEqual) {
  const TorchArchive archive = TorchArchive::open(kGolden / "parameters.bin");
  ASSERT_EQ(archive.entries().size(), 2u);
  expect_entry(archive, "ü", DataType::f32, {3, 2}, bytes_of<float>({0, 0.25, 0.5, 0.75, 1, 1.25}));
  expect_entry(archive, "half", DataType::f16, {2}, bytes_of<uint16_t>({0xbc00, 0x3800}));
}

TEST_F(TorchArchiveTest, TheBytesOutliveTheArchiveForWhoeverKeepsThemAlive) {
  std::shared_ptr<const void> keep_alive;
  std::span<const std::byte> bytes;
  {
    TorchArchive archive = open_pickle(pickle_of_dict(pickled(PickledTensorParts())));
    const TorchArchive moved = std::move(archive);
    EXPECT_EQ(moved.path(), path_);
    keep_alive = moved.keep_alive();
    bytes = moved.find("w")->data;
  }
  std::filesystem::remove(path_);
  EXPECT_EQ(text_of(bytes), std::string(24, 's'));
}

TEST_F(TorchArchiveTest, AFileThatIsNotThereIsTheUsersMistake) {
  EXPECT_EQ(problem_of<ConfigError>([&] { TorchArchive::open(path_); }).where, path_.string());
}

TEST_F(TorchArchiveTest, WhatIsNotARegularFileIsRefused) {
  EXPECT_EQ(problem_of<FormatError>([&] { TorchArchive::open(folder_.path()); }).got, "not a regular file");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(problem_of<FormatError>([&] { TorchArchive::open(path_); }).got, "not a regular file");
}

TEST_F(TorchArchiveTest, EveryNumberAndContainerOfASmallPickleIsUnderstood) {
  const std::string shape = std::string("K\2M\3\0\x86", 6), strides = std::string("J\3\0\0\0\x8a\1\1\x86", 9);
  const TorchArchive archive = open_pickle(pickle_of_dict(pickled({.shape = shape, .strides = strides})));
  expect_entry(archive, "w", DataType::f32, {2, 3}, std::string(24, 's'));
  for (const char* protocol : {"\x80\3", "\x80\4", "\x80\5"}) {
    EXPECT_TRUE(open_pickle(protocol + std::string("}.")).entries().empty());
  }
  const std::string floating = "G" + std::string(8, '\0');
  const std::string metadata = "}" + pickled("_metadata") + "}" + pickled("") + floating + "s" + "s";
  EXPECT_TRUE(open_pickle(pickle_of(kPickledOrderedDict + metadata + "b")).entries().empty());
}

TEST_F(TorchArchiveTest, APickleThatNamesAnythingElseIsRefusedBeforeItIsCalled) {
  const std::string marker = (folder_ / "called").string();
  expect_refused(pickle_of("cos\nsystem\n" + pickled("touch " + marker) + "\x85R"), "the pickle names os.system");
  expect_refused(pickle_of("cbuiltins\neval\n" + pickled("1") + "\x85R"), "the pickle names builtins.eval");
  expect_refused(pickle_of("cposix\nsystem\n"), "the pickle names posix.system");
  expect_refused(pickle_of("ctorch\nload\n"), "the pickle names torch.load");
  expect_refused(pickle_of("ctorch._utils\n_rebuild_tensor_v3\n"), "the pickle names torch._utils._rebuild_tensor_v3");
  expect_refused(pickle_of("ctorch\n_utils._rebuild_tensor_v2\n"), "the pickle names torch._utils._rebuild_tensor_v2");
  expect_refused(pickle_of("c\33[2J\n\xff\n"), "the pickle names \\u001b[2J.\\ufffd");
  expect_refused(pickle_of_dict(pickled({.hooks = "cos\nsystem\n" + pickled("x") + "\x85R"})), "os.system");
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(TorchArchiveTest, AnOpcodeThatNoStateDictNeedsIsRefused) {
  for (const char* opcode : {"i", "o", "\x82", "\x93", "\x92", "P",    "0",    "1",    "2",    "I",
                             "B", "C", "U",    "p",    "g",    "\x94", "\x95", "\x97", "\x80", "\xff"}) {
    const std::string number = std::to_string(static_cast<uint8_t>(*opcode));
    expect_refused(pickle_of(std::string("}") + opcode), "the opcode " + number + " at byte 3");
  }
}

TEST_F(TorchArchiveTest, OnlyTensorsAreRebuilt) {
  const std::string rebuild = "ctorch._utils\n_rebuild_tensor_v2\n";
  expect_refused(pickle_of("})R"), "a call of a dict with a tuple");
  expect_refused(pickle_of(rebuild + "}R"), "a call of a global name with a dict");
  expect_refused(pickle_of(rebuild + ")R"), "a tensor of other arguments");
  expect_refused(pickle_of("ctorch\nFloatStorage\n)R"), "a call of FloatStorage");
  expect_refused(pickle_of("ccollections\nOrderedDict\n)\x85R"), "a call of OrderedDict with 1 values");
  expect_refused(pickle_of("ctorch._utils\n_rebuild_parameter\n)R"), "a parameter of other arguments");
  expect_refused(pickle_of(pickled("x") + "Q"), "a persistent id");
  expect_refused(pickle_of("(" + pickled("storage") + rebuild + pickled("0") + pickled("cpu") + "K\1tQ"), "a persist");
  expect_refused(pickle_of_dict(pickled_storage("FloatStorage", "0", -1)), "a persistent id");
  const std::string twice = pickled_storage("FloatStorage", "0", 6) + pickled_storage("IntStorage", "0", 6);
  expect_refused(pickle_of(twice), "the storage \"0\" with two types");
}

TEST_F(TorchArchiveTest, AttributesOtherThanTheMetadataAreRefused) {
  const std::string attribute = "}" + pickled("__class__") + "}s";
  expect_refused(pickle_of(kPickledOrderedDict + attribute + "b"), "attributes of an OrderedDict");
  expect_refused(pickle_of(kPickledOrderedDict + "}b"), "attributes of an OrderedDict");
  expect_refused(pickle_of("}}" + pickled("_metadata") + "}sb"), "attributes of a dict");
  expect_refused(pickle_of(kPickledOrderedDict + "Nb"), "None");
}

TEST_F(TorchArchiveTest, WhatIsNotADictOfTensorsByNameIsRefused) {
  expect_refused(pickle_of(pickled(PickledTensorParts())), "a tensor");
  expect_refused(pickle_of("N"), "None");
  expect_refused(pickle_of(")"), "a tuple");
  expect_refused(pickle_of_dict("K\3"), "the value of \"w\" is an integer");
  expect_refused(pickle_of_dict("}"), "the value of \"w\" is a dict");
  expect_refused(pickle_of_dict(pickled("x")), "the value of \"w\" is a text");
  expect_refused(pickle_of_dict(pickled_storage("FloatStorage", "0", 6)), "the value of \"w\" is a storage");
  expect_refused(pickle_of("}K\1Ns"), "the key of a dict is an integer");
  const std::string tensor = pickled(PickledTensorParts());
  expect_refused(pickle_of("}" + pickled("w") + tensor + "s" + pickled("w") + tensor + "s"), "\"w\" a second time");
  for (const char* name : {"", "a\nb", "\33[2J", "__metadata__"}) {
    expect_refused(pickle_of("}" + pickled(name) + tensor + "s"), "the tensor name");
  }
  expect_refused(pickle_of("}" + pickled("\xff") + tensor + "s"), "the text \"\\ufffd\"");
  expect_refused(pickle_of("}" + pickled("\xed\xa0\x80") + tensor + "s"), "the text");
}

TEST_F(TorchArchiveTest, AStackThatDoesNotComeOutEvenIsRefused) {
  expect_refused("", "its end at byte 0");
  expect_refused("}.", "no protocol");
  expect_refused("\x80\1}.", "protocol 1");
  expect_refused("\x80\6}.", "protocol 6");
  expect_refused("\x80\2}", "its end at byte 3");
  expect_refused("\x80\2}.x", "1 bytes after its end");
  expect_refused("\x80\2.", "0 values on the stack");
  expect_refused(pickle_of("}}"), "2 values on the stack");
  expect_refused(pickle_of("}("), "1 values on the stack");
  expect_refused(pickle_of("t"), "an opcode without its mark");
  expect_refused(pickle_of("u"), "an opcode without its mark");
  for (const char* value : {"s", "}s", "}Ns", "R", ")R", "b", "}b", "Q", "\x85", ")\x86", "q", "}(q", "(NNu", "}(NR"}) {
    refusal_of(zip_of(parts_of(pickle_of(value + std::string(1, '\0')))));
  }
  expect_refused(pickle_of("}(Nu"), "the key of a dict without its value");
  expect_refused(pickle_of(std::string("}h\0", 3)), "the remembered value 0");
  expect_refused(pickle_of("}j\xff\xff\xff\xff"), "the remembered value 4294967295");
  expect_refused(pickle_of("}q\1"), "a value remembered at place 1");
  expect_refused(pickle_of("}r\xff\xff\xff\xff"), "a value remembered at place 4294967295");
}

TEST_F(TorchArchiveTest, BombsAreRefusedBeforeTheyTakeMemory) {
  const auto times = [](size_t count, const std::string& piece) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += piece;
    return text;
  };
  expect_refused(pickle_of(std::string(1'000'000, '(')), "more open marks");
  expect_refused(pickle_of(std::string(1'000'000, '}')), "more values on the stack");
  expect_refused(pickle_of(")" + std::string(1'000'000, '\x85')), "more levels of tuples");
  std::string memo = "}";
  for (uint32_t i = 0; i <= 1 << 20; ++i) memo.append("r").append(little_endian(i));
  expect_refused(pickle_of(memo), "more remembered values");
  const std::string wide = "(" + std::string(9'000, 'N') + "t" + std::string("q\0", 2);
  expect_refused(pickle_of(wide + times(500, "(" + std::string(9'000, 'N') + "t\x85")), "more values in tuples");
  expect_refused(pickle_of("X\xff\xff\xff\xff" + std::string(100, 'x')), "a text of 4294967295 bytes");
  expect_refused(pickle_of(pickled(std::string((1 << 20) + 1, 'x'))), "a text of 1048577 bytes");
  expect_refused(pickle_of("}" + pickled(std::string(1025, 'x')) + "Ns"), "a key of 1025 bytes");
  expect_refused(pickle_of("cargparse\nNamespace\n)\x81" + times((1 << 19) + 1, "}b")), "more dicts");
  expect_refused(pickle_of("c" + std::string(5'000, 'x')), "a name without an end");
  expect_refused(pickle_of("\x8a\xff" + std::string(255, 'x')), "a long integer");
  expect_refused(pickle_of("\x8b\xff\xff\xff\xff" + std::string(255, 'x')), "its end at byte 263");
  expect_refused(std::string((32 << 20) + 1, '}'), "33554433 bytes");
}

TEST_F(TorchArchiveTest, AShapeThatIsNotOneIsRefused) {
  const auto tuple = [](const Shape& numbers) { return pickled(numbers); };
  expect_tensor_refused({.shape = tuple({-1, 3})}, "a dimension or stride that is -1");
  expect_tensor_refused({.strides = tuple({-3, 1})}, "a dimension or stride that is -3");
  expect_tensor_refused({.shape = "(NNt"}, "a dimension or stride that is None");
  expect_tensor_refused({.shape = "N"}, "a shape that is none");
  expect_tensor_refused({.shape = "\x8a\x09" + std::string(9, 'x') + "K\1\x86"}, "that is a long integer");
  expect_tensor_refused({.shape = tuple(Shape(65, 1)), .strides = tuple(Shape(65, 1))}, "a shape that is none");
  expect_tensor_refused({.strides = tuple({1})}, "a tensor with other strides");
  expect_tensor_refused({.shape = tuple({int64_t{1} << 62, 1})}, "a dimension of 4611686018427387904");
  expect_tensor_refused({.shape = tuple({int64_t{1} << 62, 0})}, "a dimension of 4611686018427387904");
  expect_tensor_refused({.shape = tuple({int64_t{1} << 32, int64_t{1} << 32})}, "a dimension of 4294967296");
}

TEST_F(TorchArchiveTest, AStorageThatDoesNotFitItsEntryIsRefused) {
  expect_tensor_refused({.storage = pickled_storage("FloatStorage", "0", 5)}, "24 bytes in the entry data/0");
  expect_tensor_refused({.storage = pickled_storage("DoubleStorage", "0", 6)}, "24 bytes in the entry data/0");
  expect_tensor_refused({.storage = pickled_storage("FloatStorage", "0", int64_t{1} << 62)}, "4611686018427387904");
  expect_tensor_refused({.storage = pickled_storage("FloatStorage", "1", 6)}, "no entry data/");
  expect_tensor_refused({.storage = pickled_storage("FloatStorage", "../data.pkl", 6)}, "no entry data/");
}

TEST_F(TorchArchiveTest, ATensorOutsideItsStorageOrNotRowMajorIsRefused) {
  const auto number = [](int64_t value) { return pickled(value); };
  const auto tuple = [](const Shape& numbers) { return pickled(numbers); };
  expect_tensor_refused({.offset = number(1)}, "6 numbers from 1 on");
  expect_tensor_refused({.offset = number(-1)}, "6 numbers from -1 on");
  expect_tensor_refused({.offset = number(INT64_MAX)}, "6 numbers from 9223372036854775807 on");
  expect_tensor_refused({.shape = tuple({2, 4}), .strides = tuple({4, 1})}, "8 numbers from 0 on");
  expect_tensor_refused({.strides = tuple({1, 2})}, "a stride of 2 in dimension 1");
  expect_tensor_refused({.strides = tuple({4, 1})}, "a stride of 4 in dimension 0");
  expect_tensor_refused({.strides = tuple({0, 0})}, "a stride of 0 in dimension 1");
  expect_tensor_refused({.strides = tuple({INT64_MAX, 1})}, "a stride of 9223372036854775807 in dimension 0");
  const Problem problem =
      refusal_of(zip_of(parts_of(pickle_of_dict(pickled(PickledTensorParts{.strides = tuple({1, 2})})))));
  EXPECT_EQ(problem.where, path_.string() + ": w");
}

TEST_F(TorchArchiveTest, StridesThatAreNeverTakenMayBeAny) {
  const PickledTensorParts row = {.shape = pickled(Shape{1, 3}), .strides = pickled(Shape{77, 1})};
  expect_entry(open_pickle(pickle_of_dict(pickled(row))), "w", DataType::f32, {1, 3}, std::string(12, 's'));
  const PickledTensorParts empty = {
      .offset = pickled(int64_t{6}), .shape = pickled(Shape{0, 3}), .strides = pickled(Shape{5, 9})};
  expect_entry(open_pickle(pickle_of_dict(pickled(empty))), "w", DataType::f32, {0, 3}, "");
}

TEST_F(TorchArchiveTest, AnArchiveCutShortAnywhereIsRefused) {
  const std::string whole = read_bytes(kGolden / "state_dict.bin");
  for (size_t size = 0; size < whole.size(); ++size) refusal_of(whole.substr(0, size));
}

TEST_F(TorchArchiveTest, AMutatedArchiveIsRefusedOrHoldsTheSameTensors) {
  std::mt19937 random(1);
  int refused = 0;
  for (int i = 0; i < 2500; ++i) {
    const auto golden = kGolden / (i % 2 ? "parameters.bin" : "state_dict.bin");
    const std::string damaged = mutated(read_bytes(golden), random);
    try {
      const TorchArchive archive = open(damaged), original = TorchArchive::open(golden);
      ASSERT_EQ(archive.entries().size(), original.entries().size()) << i;
      for (const TensorEntry& entry : original.entries()) {
        expect_entry(archive, entry.name, entry.type, entry.shape, text_of(entry.data));
      }
    } catch (const FormatError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1500);
  EXPECT_LT(refused, 2500) << "padding may be changed";
}

}  // namespace
}  // namespace physgen
