#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include <physgen/diffusion/noise_schedule.h>
#include <physgen/diffusion/objective.h>

namespace physgen {

/// The timesteps to visit, from noise to data: leading spacing from `offset` on for epsilon (10 steps: 901, 801, ...,
/// 1), 1000 sigma for flow matching (10 steps: 1000, 900, ..., 100). @param steps  1 to 1000
std::vector<double> sampling_timesteps(Objective objective, int64_t steps, int64_t offset = 1);

/// The timesteps of a flow-matching NOVA: sigmas in equal distances from the greatest to the least of training, shifted
/// (once more: the table of training is shifted, too), times 1000.
/// Reference: diffusers FlowMatchEulerDiscreteScheduler.set_timesteps. @param steps  1 to 1000
std::vector<double> shifted_flow_timesteps(int64_t steps, double shift);

/// The network: x_t and the index into the timesteps given to `sample` -> its prediction, shaped as x_t.
using Denoiser = std::function<at::Tensor(const at::Tensor& x, int64_t index)>;

/// Normal noise, shaped as x.
using NoiseSource = std::function<at::Tensor()>;

/// Denoises `x`, normal noise at timesteps.front(), to a sample; predicted samples are clipped to [-limit, limit] at
/// every step (flow matching: at the end). DDIM with eta 0 (arXiv 2010.02502), DDPM with its small variance (arXiv
/// 2006.11239), DPM-Solver++(2M) (arXiv 2211.01095), Euler for flow matching (arXiv 2210.02747), whatever the sampler.
/// Throws c10::ValueError for the discrete objective, which has no steps, and for DDPM without noise.
/// @param noise  of DDPM's steps; the others draw none
/// @param limit  1 for normalised actions, infinity for latents
at::Tensor sample(const NoiseSchedule& schedule, Objective objective, Sampler sampler,
                  const std::vector<double>& timesteps, at::Tensor x, const Denoiser& denoiser,
                  const NoiseSource& noise = {}, double limit = 1);

}  // namespace physgen
