#pragma once

/// @file
/// The network's modules, for programs that build on them with LibTorch: link physgen::torch.

#include <physgen/backbone/frame_generator.h>
#include <physgen/backbone/nova.h>
#include <physgen/diffusion/sampler.h>
#include <physgen/layers/initialization.h>
#include <physgen/policy/action_sampler.h>
#include <physgen/policy/losses.h>
#include <physgen/policy/physgen_model.h>
#include <physgen/policy/policy_checkpoint.h>
#include <physgen/release/pretrained.h>
#include <physgen/text/phi_encoder.h>
#include <physgen/vae/causal_vae.h>
#include <physgen/vae/frame_encoder.h>
