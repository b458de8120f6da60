#include "core/json_view.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "support/problem_of.h"

namespace physgen {
namespace {

constexpr JsonWords kWords = {.damaged = "no recipe", .next_step = "write it again"};

const std::string kText = R"({
  "name": "soup",
  "steps": [
    {"minutes": 5},
    {"minutes":
       7.5, "a.b": [1
, 2]}
  ],
  "spice": null,
  "hot": true
})";

JsonView soup() { return parse_json(kText, "soup.json", kWords); }

Problem problem_with(const std::function<void(const JsonView&)>& ask) {
  return problem_of<FormatError>([&] { ask(soup()); });
}

TEST(JsonView, ItGivesWhatStandsThere) {
  const JsonView view = soup();
  EXPECT_EQ(view.at("name").text(), "soup");
  EXPECT_EQ(view.at("steps").items()[0].at("minutes").integer(), 5);
  EXPECT_EQ(view.at("steps").items()[0].at("minutes").number(), 5.0);
  EXPECT_EQ(view.at("steps").items()[1].at("minutes").number(0, 10), 7.5);
  EXPECT_EQ(view.at("steps").items()[1].at("a.b").integers(1, 2), (std::vector<int64_t>{1, 2}));
  EXPECT_TRUE(view.at("hot").flag());
  EXPECT_EQ(view.members().size(), 4u);
  EXPECT_EQ(view.members()[0].first, "hot");
}

TEST(JsonView, AnAbsentMemberAndANullHaveTheFallback) {
  const JsonView view = soup();
  EXPECT_FALSE(view.has("spice"));
  EXPECT_FALSE(view.has("salt"));
  EXPECT_EQ(view.text_or("spice", "none"), "none");
  EXPECT_EQ(view.integer_or("salt", 3, 0, 9), 3);
  EXPECT_EQ(view.number_or("spice", 0.5, 0, 1), 0.5);
  EXPECT_TRUE(view.flag_or("hot", false));
  view.require_if_there("salt", {"sea"});
  view.require_if_there("name", {"stew", "soup"});
}

TEST(JsonView, ItSaysWhereAValueStands) {
  const JsonView view = soup();
  EXPECT_EQ(view.where(), "soup.json, line 1");
  EXPECT_EQ(view.at("name").where(), "soup.json, line 2: name");
  const JsonView step = view.at("steps").items()[1];
  EXPECT_EQ(step.where(), "soup.json, line 5: steps[1]");
  EXPECT_EQ(step.at("minutes").where(), "soup.json, line 6: steps[1].minutes");
  EXPECT_EQ(step.at("a.b").items()[0].where(), "soup.json, line 6: steps[1].a.b[0]");
  EXPECT_EQ(step.at("a.b").items()[1].where(), "soup.json, line 7: steps[1].a.b[1]");
  EXPECT_EQ(view.at("hot").where(), "soup.json, line 10: hot");
  EXPECT_EQ(parse_json("\n[1]", "a.jsonl", {}, 8).items()[0].where(), "a.jsonl, line 9: [0]");
}

TEST(JsonView, AViewOutlivesTheOneItCameFrom) {
  const JsonView minutes = parse_json(kText, "soup.json").at("steps").items()[0].at("minutes");
  EXPECT_EQ(minutes.integer(), 5);
  EXPECT_EQ(minutes.where(), "soup.json, line 4: steps[0].minutes");
}

struct Refusal {
  std::function<void(const JsonView&)> ask;
  std::string where, got, expected;
};

TEST(JsonView, WhatItRefusesItShowsWithItsPlaceInTheWordsOfItsFile) {
  using View = JsonView;
  const Refusal refusals[] = {
      {[](const View& v) { v.at("name").integer(1, 9); }, "line 2: name", "\"soup\"", "an integer from 1 to 9"},
      {[](const View& v) { v.at("name").number(); }, "line 2: name", "\"soup\"", "a number"},
      {[](const View& v) { v.at("hot").text(); }, "line 10: hot", "true", "a text"},
      {[](const View& v) { v.at("steps").flag(); }, "line 3: steps", "a list", "true or false"},
      {[](const View& v) { v.at("name").items(); }, "line 2: name", "\"soup\"", "a list"},
      {[](const View& v) { v.at("steps").members(); }, "line 3: steps", "a list", "an object"},
      {[](const View& v) { v.at("steps").at("x"); }, "line 3: steps", "a list", "an object"},
      {[](const View& v) { v.at("spice").number(); }, "line 9: spice", "nothing", "a value"},
      {[](const View& v) { v.at("salt"); }, "line 1: salt", "nothing", "a value"},
      {[](const View& v) { v.at("steps").items()[0].at("salt"); }, "line 4: steps[0].salt", "nothing", "a value"},
      {[](const View& v) { v.at("steps").texts(); }, "line 4: steps[0]", "an object", "a text"},
      {[](const View& v) { v.at("steps").items()[1].at("minutes").integer(); }, "line 6: steps[1].minutes", "7.5",
       "an integer"},
      {[](const View& v) { v.at("steps").items()[1].at("minutes").number(0, 7); }, "line 6: steps[1].minutes", "7.5",
       "a number from 0.0 to 7.0"},
      {[](const View& v) { v.at("steps").items()[1].at("a.b").integers(2, 9); }, "line 6: steps[1].a.b[0]", "1",
       "an integer from 2 to 9"},
      {[](const View& v) {
         v.at("name").require({"stew", "tea"});
       },
       "line 2: name", "\"soup\"", "\"stew\" or \"tea\""},
      {[](const View& v) { v.require_if_there("hot", {false}); }, "line 10: hot", "true", "false"},
      {[](const View& v) {
         v.require_keys({"name", "steps", "hot"});
       },
       "line 9: spice", "the unknown key \"spice\"", "known keys"},
      {[](const View& v) { v.refuse_member("name", "a", "b"); }, "line 2: name", "a", "b"},
  };
  for (const Refusal& refusal : refusals) {
    const Problem problem = problem_with(refusal.ask);
    EXPECT_EQ(problem.what, "no recipe");
    EXPECT_EQ(problem.where, "soup.json, " + refusal.where);
    EXPECT_EQ(problem.got, refusal.got) << problem.where;
    EXPECT_EQ(problem.expected, refusal.expected) << problem.where;
    EXPECT_EQ(problem.next_step, "write it again");
  }
}

TEST(JsonView, AnIntegerThatIsNoInt64IsRefused) {
  EXPECT_EQ(parse_json("9223372036854775807", "a.json").integer(), INT64_MAX);
  EXPECT_EQ(parse_json("-9223372036854775808", "a.json").integer(), INT64_MIN);
  for (const char* text : {"9223372036854775808", "18446744073709551615", "1.0", "\"1\"", "null"}) {
    EXPECT_EQ(problem_of<FormatError>([&] { parse_json(text, "a.json").integer(); }).got, text);
  }
}

}  // namespace
}  // namespace physgen
