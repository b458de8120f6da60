#pragma once

#include <ATen/core/Tensor.h>

#include <physgen/diffusion/objective.h>

namespace physgen {

/// A noisy sample, what a network is to predict of it, and the time that the network is told.
struct NoisySample {
  at::Tensor x, target, timesteps;
};

/// The forward process: sqrt(abar) x + sqrt(1 - abar) noise with the noise to predict (arXiv 2006.11239), or
/// sigma noise + (1 - sigma) x with the velocity noise - x to predict (arXiv 2210.02747).
/// @param x, noise   [n, ...]
/// @param timesteps  [n]: int64, 0 to 999, or for flow matching 1000 sigma, of any number type
/// Reference: diffnext/schedulers/scheduling_ddpm.py, scheduling_cfm.py add_noise.
NoisySample add_noise(Objective objective, const at::Tensor& x, const at::Tensor& noise, const at::Tensor& timesteps);

/// The noise level s sigma / (1 + (s - 1) sigma) of arXiv 2403.03206. @param sigma  0 to 1, a number or a tensor
template <class Number>
Number shifted_sigma(const Number& sigma, double shift) {
  return shift * sigma / (1 + (shift - 1) * sigma);
}

/// The timesteps that NOVA's diffusion MLP is trained at. @param indices  [n] int64, 0 to 999: timesteps, or for flow
/// matching places in the table of shifted sigmas, which falls
at::Tensor training_timesteps(Objective objective, double shift, const at::Tensor& indices);

}  // namespace physgen
