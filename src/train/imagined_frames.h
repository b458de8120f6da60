#pragma once

#include <cstdint>
#include <optional>

#include <physgen/media/image.h>
#include <physgen/policy/policy_checkpoint.h>

#include "train/train_step.h"
#include "train/window_source.h"

namespace physgen {

/// Held-out windows, up to four: the last frame that a policy is shown, the next one as it imagines it, and as it came.
struct ImaginedFrames {
  at::Tensor seen, imagined, came;  ///< normalised latents [n, C, h, w] on the CPU
};

/// Nothing where no window has a next frame, and, with a warning, where the imagination fails: a picture is no reason
/// to end a run.
/// @param seed  of the imagination
std::optional<ImaginedFrames> imagine_held_out(PhysGenModel model, const WindowSource& held_out, const Compute& compute,
                                               uint64_t seed);

/// Each window a column, all frames as the VAE draws them. @param vae  on the CPU
Image picture_of(const ImaginedFrames& frames, const CausalVae& vae);

}  // namespace physgen
