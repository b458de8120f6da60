#include <physgen/text/instruction_table.h>

#include <algorithm>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>

namespace physgen {

InstructionTableImpl::InstructionTableImpl(std::vector<std::string> texts, std::vector<int64_t> lengths, int64_t slots,
                                           int64_t width)
    : texts_(std::move(texts)), lengths_(std::move(lengths)), slots_(slots) {
  TORCH_CHECK_VALUE(texts_.size() == lengths_.size() && !texts_.empty(), "[InstructionTable] ", texts_.size(),
                    " texts and ", lengths_.size(), " lengths");
  const int64_t longest = *std::max_element(lengths_.begin(), lengths_.end());
  values = register_buffer("values", at::zeros({static_cast<int64_t>(texts_.size()), longest, width}));
}

TextFeatures InstructionTableImpl::forward(const std::vector<std::string>& instructions) const {
  const auto count = static_cast<int64_t>(instructions.size());
  TextFeatures features{at::zeros({count, slots_, values.size(2)}, values.options()),
                        at::zeros({count, slots_}, values.options().dtype(at::kBool))};
  for (int64_t i = 0; i < count; ++i) {
    const auto found = std::find(texts_.begin(), texts_.end(), instructions[i]);
    if (found == texts_.end()) {
      throw ConfigError({.what = "the policy was not trained with this instruction, and its text encoder is not here",
                         .where = "instruction",
                         .got = "\"" + instructions[i] + "\"",
                         .expected = "one of " + comma_separated(texts_),
                         .next_step = suggestion(instructions[i], texts_)});
    }
    const auto row = found - texts_.begin();
    const int64_t length = lengths_[row];
    features.values[i].narrow(0, 0, length).copy_(values[row].narrow(0, 0, length));
    features.used[i].narrow(0, 0, length).fill_(true);
  }
  return features;
}

}  // namespace physgen
