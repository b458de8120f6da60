#include <gtest/gtest.h>

#include "net/connection.h"
#include "support/problem_of.h"

namespace physgen {
namespace {

TEST(WebAddress, HasHostPortAndPath) {
  const WebAddress plain = web_address_of("ws://localhost:8000");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "localhost");
  EXPECT_EQ(plain.port, "8000");
  EXPECT_EQ(plain.path, "/");
  const WebAddress secure = web_address_of("wss://robot.lab/policy");
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.port, "443");
  EXPECT_EQ(secure.path, "/policy");
  EXPECT_EQ(web_address_of("ws://[::1]:9").host, "::1");
  EXPECT_EQ(web_address_of("ws://[::1]").port, "80");
}

TEST(WebAddress, OthersAreRefused) {
  for (const char* url :
       {"", "localhost:8000", "http://a", "ws://", "ws://:80", "ws://a:port", "ws://a:0", "ws://a:70000"}) {
    EXPECT_EQ(problem_of<ConfigError>([&] { web_address_of(url[0] ? url : "nothing"); }).expected,
              "ws://HOST:PORT or wss://HOST:PORT")
        << url;
  }
}

}  // namespace
}  // namespace physgen
