#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <string>
#include <vector>

#include <physgen/text/text_features.h>

namespace physgen {

/// The hidden states that a text encoder of gigabytes gave for a few known texts, kept in its place.
class InstructionTableImpl : public torch::nn::Module {
 public:
  /// @param texts    each once
  /// @param lengths  tokens of each, 0 to `slots`
  /// @param slots    of a sequence
  /// @param width    of a hidden state
  InstructionTableImpl(std::vector<std::string> texts, std::vector<int64_t> lengths, int64_t slots, int64_t width);

  /// Throws ConfigError for a text that is not known, with those that are.
  TextFeatures forward(const std::vector<std::string>& instructions) const;

  at::Tensor values;  ///< [texts, longest, width], a buffer

 private:
  int64_t row_of(const std::string& instruction) const;

  std::vector<std::string> texts_;
  std::vector<int64_t> lengths_;
  int64_t slots_;
};
TORCH_MODULE(InstructionTable);

}  // namespace physgen
