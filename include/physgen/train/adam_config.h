#pragma once

#include <vector>

namespace physgen {

/// AdamW's constants, in the paper's words.
struct AdamConfig {
  std::vector<double> betas = {0.9, 0.999};
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};

template <class Field>
void describe(AdamConfig& config, Field& field) {
  field("betas", config.betas, {.least = 0, .most = 1});
  field("epsilon", config.epsilon, {.least = 0, .most = 1});
  field("weight_decay", config.weight_decay, {.least = 0, .most = 1});
}

}  // namespace physgen
