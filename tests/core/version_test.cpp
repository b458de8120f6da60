#include <physgen/core/version.h>

#include <gtest/gtest.h>

#include <regex>

namespace physgen {
namespace {

TEST(VersionText, NamesTheLibraryAndWhatItIsBuiltWith) {
  const std::regex form(
      "physgen [0-9]+\\.[0-9]+\\.[0-9]+ \\(LibTorch [0-9]+\\.[0-9]+\\.[0-9]+, CUDA (yes|no), Arrow (yes|no)\\)");
  EXPECT_TRUE(std::regex_match(version_text(), form)) << version_text();
}

}  // namespace
}  // namespace physgen
