#include "core/first_difference.h"

#include <gtest/gtest.h>

namespace physgen {
namespace {

using Lines = std::pair<std::string, std::string>;

TEST(FirstDifference, IsTheFirstLineThatIsNotTheSame) {
  EXPECT_EQ(first_difference("{\n  \"seed\": 0,\n  \"a\": 1\n}", "{\n  \"seed\": 7,\n  \"a\": 2\n}"),
            Lines("\"seed\": 0", "\"seed\": 7"));
  EXPECT_EQ(first_difference("one", "two"), Lines("one", "two"));
}

TEST(FirstDifference, OfATextThatEndsBeforeTheOtherIsEmpty) {
  EXPECT_EQ(first_difference("a\nb", "a\nb\nc"), Lines("", "c"));
  EXPECT_EQ(first_difference("a\nb\nc", "a"), Lines("b", ""));
  EXPECT_EQ(first_difference("", "a"), Lines("", "a"));
}

TEST(FirstDifference, OfTheSameTextsIsNothing) {
  EXPECT_EQ(first_difference("a\nb\n", "a\nb\n"), Lines());
  EXPECT_EQ(first_difference("", ""), Lines());
}

}  // namespace
}  // namespace physgen
