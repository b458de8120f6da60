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
  at::Tensor rows = at::empty({count}, at::kLong), used = at::zeros({count, slots_}, at::kBool);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = row_of(instructions[i]);
    rows.mutable_data_ptr<int64_t>()[i] = row;
    std::fill_n(used.mutable_data_ptr<bool>() + i * slots_, lengths_[row], true);
  }
  const at::Tensor found = values.index_select(0, rows.to(values.device()));
  return {at::constant_pad_nd(found, {0, 0, 0, slots_ - values.size(1)}), used.to(values.device())};
}

int64_t InstructionTableImpl::row_of(const std::string& instruction) const {
  const auto found = std::find(texts_.begin(), texts_.end(), instruction);
  if (found != texts_.end()) return found - texts_.begin();
  throw ConfigError({.what = "the policy was not trained with this instruction, and its text encoder is not here",
                     .where = "instruction",
                     .got = "\"" + instruction + "\"",
                     .expected = "one of " + comma_separated(texts_),
                     .next_step = suggestion(instruction, texts_)});
}

}  // namespace physgen
