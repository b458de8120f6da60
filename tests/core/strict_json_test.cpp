#include "core/strict_json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "support/problem_of.h"

namespace physgen {
namespace {

using nlohmann::json;

json parse(const std::string& text) { return parse_strict_json(text, "a.json"); }

Problem problem_with(const std::string& text) {
  return problem_of<FormatError>([&] { parse(text); });
}

std::string lists(size_t depth, const std::string& inner) {
  return std::string(depth, '[') + inner + std::string(depth, ']');
}

std::string objects(size_t depth, const std::string& inner) {
  std::string text;
  for (size_t i = 0; i < depth; ++i) text += R"({"a":)";
  return text + inner + std::string(depth, '}');
}

/// A list of as many copies of an item as fill `size` bytes.
std::string list_of(const std::string& item, size_t size) {
  std::string text = "[" + item;
  while (text.size() < size) text += "," + item;
  return text + "]";
}

TEST(StrictJson, EveryKindOfValueKeepsItsType) {
  const json value = parse(R"([null, true, false, -3, 3, 0.5, 1e2, 18446744073709551615, "a\u00e4\n", [], {}])");
  const json::value_t types[] = {
      json::value_t::null,           json::value_t::boolean,         json::value_t::boolean,
      json::value_t::number_integer, json::value_t::number_unsigned, json::value_t::number_float,
      json::value_t::number_float,   json::value_t::number_unsigned, json::value_t::string,
      json::value_t::array,          json::value_t::object};
  ASSERT_EQ(value.size(), std::size(types));
  for (size_t i = 0; i < value.size(); ++i) EXPECT_EQ(value[i].type(), types[i]) << value[i];
  EXPECT_EQ(value[2], false);
  EXPECT_EQ(value[3], -3);
  EXPECT_EQ(value[6], 100.0);
  EXPECT_EQ(value[7], 18446744073709551615u);
  EXPECT_EQ(value[8], "aä\n");
}

TEST(StrictJson, AValueAloneIsRead) {
  EXPECT_EQ(parse(" 3 "), 3);
  EXPECT_EQ(parse("\"\""), "");
  EXPECT_TRUE(parse("null").is_null());
  EXPECT_EQ(parse("[]"), json::array());
  EXPECT_EQ(parse("{}"), json::object());
}

TEST(StrictJson, ListsAndObjectsStandWhereTheyStandInTheText) {
  const std::string text = R"({"a":[{"b":[1,[2],{}]},{"b":{"c":"d"}},3],"e":{"a":null},"f":[]})";
  const json value = parse(text);
  EXPECT_EQ(value, json::parse(text));
  EXPECT_EQ(value.dump(), text);
  EXPECT_EQ(value["a"][1]["b"]["c"], "d");
}

TEST(StrictJson, TheSameKeyMayStandInSeveralObjects) {
  EXPECT_EQ(parse(R"([{"a": {"a": 1}}, {"a": 2}])"), (json{{{"a", {{"a", 1}}}}, {{"a", 2}}}));
}

TEST(StrictJson, ADuplicateKeyIsRefusedWithItsPath) {
  const auto expect_duplicate = [](const std::string& text, const std::string& path, const std::string& key) {
    const Problem problem = problem_with(text);
    EXPECT_EQ(problem.what, "a JSON key stands twice in one object");
    EXPECT_EQ(problem.where, "a.json, line 1: " + path);
    EXPECT_EQ(problem.got, "\"" + key + "\" a second time");
    EXPECT_EQ(problem.expected, "each key once");
  };
  expect_duplicate(R"({"a": 1, "b": 2, "a": 3})", "a", "a");
  expect_duplicate(R"({"a": null, "a": null})", "a", "a");
  expect_duplicate(R"({"a": {"b": 1}, "c": {"d": {"e": [], "e": 1}}})", "c.d.e", "e");
  expect_duplicate(R"({"a": [1, {"b": 1}, [{"c": 1, "b": 2, "c": 3}]]})", "a[2][0].c", "c");
  expect_duplicate(R"([{"a": 1, "\u0061": 2}])", "[0].a", "a");
  expect_duplicate(R"({"": 1, "": 2})", "", "");
}

TEST(StrictJson, ADuplicateKeyIsRefusedWithItsLine) {
  EXPECT_EQ(problem_with("{\n  \"a\": 1,\n\n  \"a\":\n2}").where, "a.json, line 4: a");
  EXPECT_EQ(problem_with("{\r\n\"a\": 1\n,\"a\": 2}").where, "a.json, line 3: a");
  EXPECT_EQ(problem_of<FormatError>([] { parse_strict_json(R"({"a": 1, "a": 2})", "a.jsonl", 7); }).where,
            "a.jsonl, line 7: a");
}

TEST(StrictJson, AKeyIsShownWithoutControlCharacters) {
  EXPECT_EQ(problem_with("{\"a\\u001b[2J\": 1, \"a\\u001b[2J\": 2}").where, "a.json, line 1: a\\u001b[2J");
}

TEST(StrictJson, TheOrderOfKeysIsKeptWhereItIsAskedFor) {
  const std::string text = R"({"b":[{"d":1,"c":2}],"a":3})";
  EXPECT_EQ(parse_ordered_json(text, "a.json").dump(), text);
  EXPECT_EQ(problem_of<FormatError>([] { parse_ordered_json(R"({"b": 1, "a": 1, "b": 2})", "a.json"); }).where,
            "a.json, line 1: b");
}

TEST(StrictJson, ASyntaxErrorIsShownWithLineAndColumn) {
  const Problem problem = problem_with("{\n  \"a\": 1,\n  \"b\" \"c\"\n}");
  EXPECT_EQ(problem.what, "a file is not valid JSON");
  EXPECT_EQ(problem.where, "a.json, line 3, column 9");
  EXPECT_EQ(problem.got, "syntax error while parsing object separator - unexpected string literal; expected ':'");
  for (const char* text : {"",        " ",           "[",         "{",           "[1",     "[1,]",  "[1}",
                           "{\"a\"",  "{\"a\":",     "{\"a\": 1", "{\"a\": 1,}", "{1: 1}", "[] []", "01",
                           "1.",      "+1",          "NaN",       "tru",         "'a'",    "\"a",   "\"\xff\"",
                           "\"\\x\"", "\"\\ud800\"", "\"\n\"",    "// no\n1"}) {
    EXPECT_EQ(problem_with(text).where.find("a.json, line "), 0u) << text;
  }
}

TEST(StrictJson, ANumberTooLargeForADoubleIsRefused) {
  const Problem problem = problem_with("[1e999]");
  EXPECT_EQ(problem.where, "a.json, line 1, column 7");
  EXPECT_EQ(problem.got, "number overflow parsing '1e999'");
}

TEST(StrictJson, AZeroByteIsRefused) {
  for (const size_t at : {0, 1, 2}) {
    EXPECT_EQ(problem_with(std::string("[]").insert(at, 1, '\0')).what, "a JSON text holds a zero byte");
  }
  EXPECT_EQ(parse(R"("\u0000")"), std::string(1, '\0'));
}

TEST(StrictJson, SixtyFourLevelsAreReadAndMoreAreRefused) {
  EXPECT_EQ(parse(lists(64, "1")).dump(), lists(64, "1"));
  EXPECT_EQ(parse(objects(64, "1")).dump(), objects(64, "1"));
  for (const std::string& text : {lists(65, "1"), objects(65, "1"), lists(66, ""), objects(32, lists(33, "1")),
                                  std::string(1'000'000, '['), objects(65, "")}) {
    const Problem problem = problem_with(text);
    EXPECT_EQ(problem.what, "a JSON value is nested too deeply");
    EXPECT_EQ(problem.where, "a.json, line 1");
    EXPECT_EQ(problem.expected, "at most 64 levels");
  }
}

TEST(StrictJson, AListOfManyObjectsTakesNotLong) {
  constexpr size_t kSize = 4 << 20;
  for (const std::string item : {"{}", R"({"a":1})", R"({"a":[{}]})"}) {
    const std::string text = list_of(item, kSize);
    const auto begin = std::chrono::steady_clock::now();
    const json value = parse(text);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(value.size(), text.size() / (item.size() + 1));
    EXPECT_EQ(value.back(), json::parse(item));
    EXPECT_LT(seconds.count(), 5) << item;  // a second at most, unless each object takes longer than the one before
  }
}

}  // namespace
}  // namespace physgen
