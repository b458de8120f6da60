#include <gtest/gtest.h>
#include <torch/torch.h>

#include "codec/causal_mask.h"

namespace physgen {
namespace {

// 2 prefix tokens, then packs of 2 frame tokens (f), a state (s) and 2 actions (a): a row a query, x where it sees.
const PackLayout kLayout{.prefix = 2, .frame = 2, .state = 1, .actions = 2};

std::vector<std::string> drawn(const CodecConfig& config) {
  at::Tensor seen = causal_mask(kLayout, 2, config) == 0;
  std::vector<std::string> rows;
  for (int64_t q = 0; q < seen.size(0); ++q) {
    std::string row;
    for (int64_t k = 0; k < seen.size(1); ++k) row += seen[q][k].item<bool>() ? 'x' : '.';
    rows.push_back(row);
  }
  return rows;
}

TEST(CausalMask, IsThatOfTheSpecification) {
  const std::vector<std::string> expected = {
      // ttffsaaffsaa
      "xxxx........",  // text sees the first frame
      "xxxx........",
      "xxxx........",  // frame 0 does not see its actions
      "xxxx........",
      "xxxxx.......",  // its state sees the frame
      "xxxxxx......",  // action 0 sees frame and state
      "xxxxxxx.....",
      "xxxxxxxxx...",  // frame 1 sees all of pack 0
      "xxxxxxxxx...", "xxxxxxxxxx..", "xxxxxxxxxxx.", "xxxxxxxxxxxx",
  };
  EXPECT_EQ(drawn({}), expected);
}

TEST(CausalMask, FlagsOpenTheChunkAndCloseTheText) {
  const auto rows = drawn({.causal_actions = false, .text_sees_first_frame = false});
  EXPECT_EQ(rows[0], "xx..........");
  EXPECT_EQ(rows[5], "xxxxxxx.....");
  EXPECT_EQ(rows[10], "xxxxxxxxxxxx");
}

}  // namespace
}  // namespace physgen
