#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <physgen/core/matrix.h>
#include <physgen/media/image.h>

namespace physgen {

/// How frames are drawn. The defaults are those of NOVA's pipeline.
struct GenerationOptions {
  int64_t frames = 1;           ///< of the video, at most 100,000; what the VAE decodes beyond them is dropped
  int64_t decoding_steps = 64;  ///< of masked autoregression, a latent frame
  int64_t denoising_steps = 25;
  double guidance = 5;  ///< 1: none
  double guidance_until = 0;
  double guidance_renorm = 1;
  double motion = 5;  ///< optical flow, read by video models
  uint64_t seed = 0;
  std::string device = "auto";
  std::string precision = "float32";  ///< or "bfloat16"
  /// Told what a release's tensors say otherwise than its configs.
  std::function<void(const std::string&)> on_note = {};
};

/// Told how many decoding steps are done, and of how many.
using GenerationProgress = std::function<void(int64_t done, int64_t total)>;

/// Draws a picture or a video with a pretrained backbone.
/// @param checkpoint  "nova:DIR" or a folder that `convert_pretrained` wrote
/// @param image       the first frame, of any size: it is fitted to the model's, or none
/// Throws ConfigError for what the model cannot do, FormatError for damaged files and for weights that draw what is not
/// finite.
std::vector<Image> generate_from_text(const std::string& checkpoint, const std::string& prompt,
                                      const std::string& negative_prompt, const std::optional<Image>& image,
                                      const GenerationOptions& options, const GenerationProgress& progress = {});

/// What a policy has seen and what it did then.
struct Demonstration {
  std::vector<Image> views;  ///< of the first frame, one a camera
  Matrix actions;            ///< [T, A] in the demonstrations' units
  Matrix states;             ///< [T + 1, S]; read by policies with a state token only
  std::string instruction;
};

/// What a policy expects to see: frames from a demonstration's first one and its actions, each drawn from the ones
/// drawn before it, one every `execute` control steps.
/// @param checkpoint  a policy
/// Guidance and motion are not read: a policy is asked for what follows, not for more of a text. Its noise is DDPM's,
/// with the options' steps; `Controller::imagine` draws quicker, by DDIM, and so other pictures. Throws ConfigError for
/// options out of range and for a demonstration of another robot or without the states that the policy looks at, Error
/// for another number of views, FormatError for damaged files and for weights that draw what is not finite.
/// @return canvases, the first frame's included: at most options.frames, and no more than the actions reach
std::vector<Image> imagine_demonstration(const std::string& checkpoint, const Demonstration& demonstration,
                                         const GenerationOptions& options, const GenerationProgress& progress = {});

/// Whether a checkpoint is for `generate_from_text`; all others are for `imagine_demonstration`.
bool holds_pretrained(const std::string& checkpoint);

}  // namespace physgen
