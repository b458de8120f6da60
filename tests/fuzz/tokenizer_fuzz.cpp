// Any bytes as the content of a tokenizer.json: it is refused as FormatError says, or tokenizes all texts into ids that
// it has.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "physgen/core/error.h"
#include "physgen/text/byte_pair_tokenizer.h"

namespace {

const std::string kTexts[] = {"",
                              "the robot's arm",
                              "  \t\t \n\u2003x ",
                              "<|endoftext|>a<|endoftext|>",
                              "é漢\U0001F916 42",
                              std::string(300, 'a')};

void tokenize(const physgen::BytePairTokenizer& tokenizer, const std::string& text) {
  for (const int64_t id : tokenizer.encode(text)) {
    if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string content(reinterpret_cast<const char*>(data), size);
    const auto tokenizer = physgen::BytePairTokenizer::parse(content, "tokenizer.json");
    for (const std::string& text : kTexts) tokenize(tokenizer, text);
  } catch (const physgen::FormatError&) {
  }
  return 0;
}
