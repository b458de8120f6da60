#pragma once

#include <ATen/core/Tensor.h>

#include <physgen/diffusion/objective.h>

namespace physgen {

/// A noisy sample, what a network is to predict of it, and the time that the network is told.
struct Corrupted {
  at::Tensor x, target, timesteps;
};

/// The noise level s sigma / (1 + (s - 1) sigma) of arXiv 2403.03206. @param sigma  0 to 1, a number or a tensor
template <class Number>
Number shifted_sigma(const Number& sigma, double shift) {
  return shift * sigma / (1 + (shift - 1) * sigma);
}

/// Samples as NOVA's diffusion MLP is trained on: sqrt(abar) x + sqrt(1 - abar) noise with the noise to predict, or
/// sigma noise + (1 - sigma) x with the velocity noise - x to predict and 1000 sigma as the time.
/// @param x, noise  [n, ...]
/// @param indices   [n] int64, 0 to 999: timesteps, or for flow matching places in the table of sigmas, which falls
/// @param shift     of the sigmas
/// Reference: diffnext/schedulers/scheduling_ddpm.py, scheduling_cfm.py add_noise.
Corrupted corrupt(Objective objective, double shift, const at::Tensor& x, const at::Tensor& noise,
                  const at::Tensor& indices);

}  // namespace physgen
