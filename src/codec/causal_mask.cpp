#include "codec/causal_mask.h"

#include <limits>
#include <vector>

#include <torch/torch.h>

namespace physgen {
namespace {

enum class Kind { prefix, frame, state, action };

struct Token {
  Kind kind;
  int64_t pack;  // -1 for the prefix
  int64_t slot;  // of an action in its chunk
};

void add_tokens(std::vector<Token>& tokens, Kind kind, int64_t pack, int64_t count) {
  for (int64_t i = 0; i < count; ++i) tokens.push_back({kind, pack, i});
}

std::vector<Token> tokens_of(const PackLayout& layout, int64_t packs) {
  std::vector<Token> tokens;
  add_tokens(tokens, Kind::prefix, -1, layout.prefix);
  for (int64_t p = 0; p < packs; ++p) {
    add_tokens(tokens, Kind::frame, p, layout.frame);
    add_tokens(tokens, Kind::state, p, layout.state);
    add_tokens(tokens, Kind::action, p, layout.actions);
  }
  return tokens;
}

bool prefix_sees(const Token& key, const CodecConfig& config) {
  if (key.kind == Kind::prefix) return true;
  return config.text_sees_first_frame && key.kind == Kind::frame && key.pack == 0;
}

bool sees(const Token& query, const Token& key, const CodecConfig& config) {
  if (query.kind == Kind::prefix) return prefix_sees(key, config);
  if (key.pack != query.pack) return key.pack < query.pack;
  if (query.kind != Kind::action) return key.kind == Kind::frame || key.kind == query.kind;
  return key.kind != Kind::action || !config.causal_actions || key.slot <= query.slot;
}

}  // namespace

at::Tensor causal_mask(const PackLayout& layout, int64_t packs, const CodecConfig& config) {
  const std::vector<Token> tokens = tokens_of(layout, packs);
  const auto count = static_cast<int64_t>(tokens.size());
  at::Tensor mask = at::zeros({count, count});
  auto values = mask.accessor<float, 2>();
  for (int64_t q = 0; q < count; ++q) {
    for (int64_t k = 0; k < count; ++k) {
      if (!sees(tokens[q], tokens[k], config)) values[q][k] = -std::numeric_limits<float>::infinity();
    }
  }
  return mask;
}

}  // namespace physgen
