#include "core/printable.h"

#include <gtest/gtest.h>

#include "physgen/core/error.h"

namespace physgen {
namespace {

TEST(Printable, LeavesTextInAnyLanguageAlone) {
  for (const char* text : {"", "plain\nlines", "größe 大きさ 🤖", "push \"it\" \\ now"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("\x1b[2Jgone\r\t\x07\x7f"), "\\x1b[2Jgone\\x0d\\x09\\x07\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\x9b31m");  // C1's own way to begin a sequence
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\u202eb");  // right to left
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond the last
  EXPECT_EQ(printable("ok \xe2\x82"), "ok \\xe2\\x82");              // cut off
}

TEST(Printable, CutsWhatIsTooLong) {
  const std::string shown = printable(std::string(100'000, 'x'));
  EXPECT_LT(shown.size(), 4010u);
  EXPECT_TRUE(shown.ends_with("…"));
}

TEST(Printable, IsHowErrorsAreKept) {
  const Error error({.what = "no", .where = "\x1b[31m", .got = "\xff"});
  EXPECT_STREQ(error.what(), "no: \\x1b[31m\n  got \\xff");
  EXPECT_EQ(error.problem().where, "\\x1b[31m");
}

}  // namespace
}  // namespace physgen
