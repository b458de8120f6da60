#pragma once

#include <ATen/core/Generator.h>

namespace torch::nn {
class Module;
}

namespace physgen {

/// Gives every parameter and buffer of a module its first value, in registration order from one generator: the same
/// seed gives the same model. Matrices and kernels: Xavier uniform; biases, `lora_b`, AdaLN-Zero's modulations and the
/// last layers of denoisers (`head`, `output`) 0: they start by predicting no noise; norms 1; tokens and embedding
/// tables N(0, 0.02).
void initialize(torch::nn::Module& module, at::Generator generator);

}  // namespace physgen
