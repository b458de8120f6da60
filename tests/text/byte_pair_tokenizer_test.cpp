#include "physgen/text/byte_pair_tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/duplicate_key.h"
#include "support/problem_of.h"
#include "support/temporary_folder.h"
#include "text/code_point_class.h"
#include "text/printable_byte.h"
#include "text/word.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Ids = std::vector<int64_t>;

// Made by scripts/reference/make_tokenizer.py --tiny --strings 150 --seed 1 with transformers 4.51.3.
const fs::path kGolden = fs::path(PHYSGEN_SOURCE_DIR) / "tests/golden";
const fs::path kTiny = kGolden / "tokenizer_tiny.json";

std::vector<size_t> words_of(const std::string& text) {
  std::vector<size_t> lengths;
  for (size_t begin = 0; begin < text.size(); begin += lengths.back()) {
    lengths.push_back(end_of_word(text, begin) - begin);
  }
  return lengths;
}

/// How many lines of {"text": …, "ids": […], "words": […]} there are. All must match. The words are compared by
/// themselves since a small tokenizer's ids hardly tell where one ends.
size_t compare(const BytePairTokenizer& tokenizer, const fs::path& strings) {
  std::ifstream file(strings);
  size_t count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const json wanted = json::parse(line);
    const std::string text = wanted.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.encode(text), wanted.at("ids").get<Ids>()) << line;
    EXPECT_EQ(words_of(text), wanted.at("words").get<std::vector<size_t>>()) << line;
  }
  return count;
}

class BytePairTokenizerTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  const fs::path path_ = folder_ / "tokenizer.json";
  const BytePairTokenizer tiny_ = BytePairTokenizer::load(kTiny);

  BytePairTokenizer edited(const std::function<void(json&)>& edit) const {
    json root = json::parse(read_bytes(kTiny));
    edit(root);
    write_bytes(path_, root.dump());
    return BytePairTokenizer::load(path_);
  }

  /// Sets one value of the file, which must make it be refused there.
  void expect_refused(const std::string& pointer, const json& value) const {
    const Problem problem =
        problem_of<FormatError>([&] { edited([&](json& root) { root[json::json_pointer(pointer)] = value; }); });
    EXPECT_EQ(problem.where.find(path_.string()), 0u) << pointer << ": " << problem.where;
    EXPECT_NE(problem.got, "") << pointer;
    EXPECT_NE(problem.expected, "") << pointer;
  }

  void expect_text_refused(const std::string& text, const std::string& where) const {
    EXPECT_EQ(problem_of<ConfigError>([&] { tiny_.encode(text); }).where, where);
  }
};

TEST_F(BytePairTokenizerTest, TheIdsOfManyTextsAreThoseOfTheReference) {
  EXPECT_EQ(compare(tiny_, kGolden / "tokenizer_tiny_strings.jsonl"), 150u);
}

TEST_F(BytePairTokenizerTest, AllTextsOfALongListHaveTheIdsOfTheReference) {
  const char* folder = std::getenv("PHYSGEN_TOKENIZER_GOLDEN");
  if (!folder)
    GTEST_SKIP() << "PHYSGEN_TOKENIZER_GOLDEN is not set: a folder that scripts/reference/make_tokenizer.py wrote";
  const BytePairTokenizer tokenizer = BytePairTokenizer::load(fs::path(folder) / "tokenizer.json");
  EXPECT_GT(compare(tokenizer, fs::path(folder) / "strings.jsonl"), 0u);
}

TEST_F(BytePairTokenizerTest, TheVocabularyHoldsTheAddedTokens) {
  EXPECT_EQ(tiny_.vocabulary_size(), 256 + 40 + 1 + 30 + 8);
  EXPECT_EQ(tiny_.id_of_added_token("<|endoftext|>"), 296);
  EXPECT_EQ(tiny_.encode("<|endoftext|>"), Ids{296});
  EXPECT_EQ(tiny_.encode(std::string(31, ' ')), Ids{297});
  EXPECT_EQ(problem_of<ConfigError>([&] { tiny_.id_of_added_token("<pad>"); }).where, "<pad>");
}

TEST_F(BytePairTokenizerTest, MergesMayBePairs) {
  const auto as_pairs = [](json& root) {
    for (json& merge : root["model"]["merges"]) {
      const std::string text = merge.get<std::string>();
      merge = json{text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)};
    }
  };
  EXPECT_EQ(compare(edited(as_pairs), kGolden / "tokenizer_tiny_strings.jsonl"), 150u);
}

TEST_F(BytePairTokenizerTest, WhatAnotherVersionLeavesOutIsTakenAsItsDefault) {
  const auto shorten = [](json& root) {
    root["pre_tokenizer"].erase("use_regex");
    root["model"] = {{"vocab", root["model"]["vocab"]}, {"merges", root["model"]["merges"]}};
    for (const char* key : {"truncation", "padding", "normalizer", "post_processor", "decoder"}) root.erase(key);
  };
  EXPECT_EQ(edited(shorten).encode("the robot"), tiny_.encode("the robot"));
}

TEST_F(BytePairTokenizerTest, TokensThatAreNotNormalizedAreFoundFirst) {
  const auto edit = [](json& root) {
    root["added_tokens"][0]["normalized"] = true;
    json longer = root["added_tokens"].back();
    longer.update({{"id", 335}, {"content", "a<|endoftext|>"}, {"normalized", true}});
    json shorter = longer;
    shorter.update({{"id", 336}, {"content", "<|"}, {"normalized", false}});
    root["added_tokens"].insert(root["added_tokens"].end(), {longer, shorter});
  };
  EXPECT_EQ(edited(edit).encode("a<|z"), (Ids{64, 336, 89}));
  EXPECT_EQ(edited(edit).encode("a<|endoftext|>").at(1), 336);
}

TEST_F(BytePairTokenizerTest, ManyAddedTokensAreRead) {
  const auto edit = [](json& root) {
    json& tokens = root["added_tokens"];
    json token = tokens.back();
    for (int id = 335; id < 30'335; ++id) {
      token.update({{"id", id}, {"content", std::string("<").append(std::to_string(id)).append(">")}});
      tokens.push_back(token);
    }
  };
  EXPECT_EQ(edited(edit).encode("<30334>"), Ids{30'334});
}

TEST_F(BytePairTokenizerTest, AMergeOfEqualRankIsMadeFromTheLeft) {
  const auto edit = [](json& root) {
    root["model"]["vocab"]["zz"] = 297;
    root["model"]["merges"].push_back("z z");
    root["added_tokens"].erase(root["added_tokens"].begin() + 1, root["added_tokens"].end());
  };
  EXPECT_EQ(edited(edit).encode("zzzzz"), (Ids{297, 297, 89}));
}

TEST_F(BytePairTokenizerTest, AVeryLongWordTakesNotMuchLongerThanManyShortOnes) {
  const auto seconds = [&](const std::string& text) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(tiny_.encode(text).empty());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  std::string word, words;
  while (word.size() < 1'000'000) word += "there";
  while (words.size() < word.size()) words += "there ";
  EXPECT_LT(seconds(word), 5 * seconds(words) + 1);
}

TEST_F(BytePairTokenizerTest, ThreadsShareOne) {
  const Ids wanted = tiny_.encode("the robot's arm");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) EXPECT_EQ(tiny_.encode("the robot's arm"), wanted);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(BytePairTokenizerTest, ATextThatIsNotUtf8IsRefusedAtTheByte) {
  const std::pair<std::string, int> damaged[] = {{"ab\xFF", 2},
                                                 {"\x80", 0},
                                                 {"\xC3", 0},
                                                 {"a\xC3z", 1},
                                                 {"\xC0\x80", 0},
                                                 {"\xE0\x80\x80", 0},
                                                 {"x\xED\xA0\x80", 1},
                                                 {"\xE2\x82", 0},
                                                 {"\xF0\x82\x82\xAC", 0},
                                                 {"é\xF4\x90\x80\x80", 2},
                                                 {"\xF8\x88\x80\x80\x80", 0}};
  for (const auto& [text, at] : damaged) expect_text_refused(text, "byte " + std::to_string(at) + " of the text");
  EXPECT_EQ(tiny_.encode(std::string(1, '\0')), Ids{188});
  expect_text_refused(std::string((1 << 20) + 1, 'a'), "the text");
}

TEST_F(BytePairTokenizerTest, AFileThatIsNotThereOrTooLargeIsNamed) {
  EXPECT_EQ(problem_of<ConfigError>([&] { BytePairTokenizer::load(path_); }).where, path_.string());
  EXPECT_EQ(problem_of<ConfigError>([&] { BytePairTokenizer::load(folder_.path()); }).where, folder_.path().string());
  write_bytes(path_, "{}");
  fs::resize_file(path_, (16 << 20) + 1);
  EXPECT_EQ(problem_of<FormatError>([&] { BytePairTokenizer::load(path_); }).where, path_.string());
}

TEST_F(BytePairTokenizerTest, AnotherModelsFileIsRefused) {
  expect_refused("/version", "2.0");
  expect_refused("/extra", 1);
  expect_refused("/normalizer", {{"type", "NFC"}});
  expect_refused("/pre_tokenizer", nullptr);
  expect_refused("/pre_tokenizer/type", "Whitespace");
  expect_refused("/pre_tokenizer/add_prefix_space", true);
  expect_refused("/pre_tokenizer/use_regex", false);
  expect_refused("/post_processor/type", "TemplateProcessing");
  expect_refused("/model", 3);
  expect_refused("/model/type", "WordPiece");
  expect_refused("/model/dropout", 0.1);
  expect_refused("/model/continuing_subword_prefix", "##");
  expect_refused("/model/end_of_word_suffix", "</w>");
  expect_refused("/model/ignore_merges", true);
  expect_refused("/model/extra", true);
}

TEST_F(BytePairTokenizerTest, ADamagedVocabularyIsRefused) {
  expect_refused("/model/vocab", json::array());
  expect_refused("/model/vocab", json::object());
  for (const json& id : {json(-1), json(297), json(1.0), json("1"), json(nullptr), json(5)}) {
    expect_refused("/model/vocab/a", id);
  }
  const auto rename = [&](json& root) {
    root["model"]["vocab"].erase(printable_byte(0));
    root["model"]["vocab"]["other"] = 188;
  };
  EXPECT_EQ(problem_of<FormatError>([&] { edited(rename); }).got, "no token \"Ā\" for the byte 0");
}

TEST_F(BytePairTokenizerTest, DamagedMergesAreRefused) {
  expect_refused("/model/merges", "a b");
  for (const json& merge : {json("ab"), json("a b c"), json(" "), json(3), json({"a"}), json({"a", "b", "c"}),
                            json({"a", 1}), json("a zq"), json("zq a"), json("z q"), json("he r")}) {
    expect_refused("/model/merges/9", merge);
  }
  expect_refused("/model/merges/9", "h e");  // stands there already
}

TEST_F(BytePairTokenizerTest, AddedTokensThatAreNotSupportedAreRefused) {
  expect_refused("/added_tokens", nullptr);
  expect_refused("/added_tokens/3", " ");
  for (const char* key : {"single_word", "lstrip", "rstrip", "unknown"}) {
    expect_refused("/added_tokens/3/" + std::string(key), true);
  }
  for (const json& id : {json(300), json(-1), json("299"), json(299.0), json(1e30)})
    expect_refused("/added_tokens/3/id", id);
  for (const json& content : {json(""), json("  "), json("a"), json(1), json(std::string(1025, 'x'))}) {
    expect_refused("/added_tokens/3/content", content);
  }
  expect_refused("/added_tokens/3/normalized", 1);
}

TEST_F(BytePairTokenizerTest, ADuplicateKeyIsRefused) {
  write_bytes(path_, read_bytes(kTiny));
  expect_duplicate_key_refused<FormatError>(path_, [&] { BytePairTokenizer::load(path_); });
}

TEST_F(BytePairTokenizerTest, WhatIsNotATokenizerFileIsRefused) {
  const std::string whole = read_bytes(kTiny);
  std::string objects = "[{}";
  for (int i = 0; i < 1'000'000; ++i) objects += ",{}";
  objects += "]";
  for (const std::string& text : {std::string(), std::string("[]"), std::string("null"), std::string("{}"),
                                  std::string("{\"model\":{},\"model\":{}}"), whole.substr(0, whole.size() / 2),
                                  whole + "}", whole + '\0', std::string(100'000, '['), objects}) {
    write_bytes(path_, text);
    EXPECT_EQ(problem_of<FormatError>([&] { BytePairTokenizer::load(path_); }).where.find(path_.string()), 0u);
  }
}

TEST(CodePointClass, AsManyCodePointsAreLettersNumbersAndSpacesAsInTheReference) {
  std::map<CodePointClass, int> counts;
  for (char32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) ++counts[class_of(code_point)];
  EXPECT_EQ(counts[CodePointClass::letter], 141028);
  EXPECT_EQ(counts[CodePointClass::number], 1911);
  EXPECT_EQ(counts[CodePointClass::space], 25);
}

TEST(PrintableByte, TheLettersAreThoseOfGpt2) {
  EXPECT_EQ(printable_byte('a'), "a");
  EXPECT_EQ(printable_byte(0), "Ā");
  EXPECT_EQ(printable_byte(' '), "Ġ");
  EXPECT_EQ(printable_byte('\n'), "Ċ");
  EXPECT_EQ(printable_byte(0x7F), "ġ");
  EXPECT_EQ(printable_byte(0xAD), "Ń");
  EXPECT_EQ(printable_byte(0xFF), "ÿ");
}

}  // namespace
}  // namespace physgen
