#include "core/quote.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace physgen {
namespace {

using nlohmann::json;

TEST(Quote, ATextIsShownInAsciiOnOneLine) {
  EXPECT_EQ(quote("a\"b"), R"("a\"b")");
  EXPECT_EQ(quote("a\n\x1b[2J\xff"), R"("a\n\u001b[2J\ufffd")");
  EXPECT_EQ(escaped("ä.b"), R"(\u00e4.b)");
}

TEST(Quote, ALongTextIsCut) {
  EXPECT_EQ(quote(std::string(1 << 20, 'x')), "\"" + std::string(200, 'x') + "\"…");
  EXPECT_EQ(escaped(std::string(201, 'x')), std::string(200, 'x') + "…");
  EXPECT_EQ(quote(std::string(200, 'x')), "\"" + std::string(200, 'x') + "\"");
}

TEST(Quote, AValueIsShownAsItStandsOrByItsKind) {
  EXPECT_EQ(quote_json("a"), "\"a\"");
  EXPECT_EQ(quote_json(1.5), "1.5");
  EXPECT_EQ(quote_json(nullptr), "null");
  EXPECT_EQ(quote_json(json::array({1})), "a list");
  EXPECT_EQ(quote_json(json::object()), "an object");
}

}  // namespace
}  // namespace physgen
