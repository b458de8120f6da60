#include "physgen/core/error.h"

#include <gtest/gtest.h>

namespace physgen {
namespace {

TEST(ErrorTest, ItsTextHasOneLineForTheSentenceOneForTheComparisonAndOneForTheNextStep) {
  const Error error({.what = "the widths differ", .where = "a.json", .got = "7", .expected = "10", .next_step = "ask"});
  EXPECT_STREQ(error.what(), "the widths differ: a.json\n  got 7, expected 10\n  ask");
}

TEST(ErrorTest, EmptyPartsAreLeftOut) {
  EXPECT_EQ(to_text({.what = "no"}), "no");
  EXPECT_EQ(to_text({.what = "no", .where = "here"}), "no: here");
  EXPECT_EQ(to_text({.what = "no", .got = "7"}), "no\n  got 7");
  EXPECT_EQ(to_text({.what = "no", .expected = "10"}), "no\n  expected 10");
  EXPECT_EQ(to_text({.what = "no", .next_step = "ask"}), "no\n  ask");
}

TEST(ErrorTest, TheUsersMistakeExitsWithTwoAndAllElseWithOne) {
  EXPECT_EQ(Error({.what = "x"}).exit_code(), 1);
  EXPECT_EQ(FormatError({.what = "x"}).exit_code(), 1);
  EXPECT_EQ(ConfigError({.what = "x"}).exit_code(), 2);
}

TEST(ErrorTest, TheProblemCanBeReadBack) {
  const ConfigError error({.what = "x", .where = "y"});
  EXPECT_EQ(error.problem().what, "x");
  EXPECT_EQ(error.problem().where, "y");
}

}  // namespace
}  // namespace physgen
