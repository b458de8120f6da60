#pragma once

#include <physgen/backbone/frame_generator.h>
#include <physgen/release/pretrained.h>

namespace physgen {

/// How a video is drawn.
struct VideoSampling {
  FrameSampling frame;
  int64_t latents = 1;  ///< latent frames; 1: a picture
  Motion motion;        ///< read where the model has motion tokens
};

/// Told how many decoding steps are done, and of how many.
using StepProgress = std::function<void(int64_t done, int64_t total)>;

/// Draws a video frame by frame, each conditioned on all before it.
/// @param text       features of the prompt; with guidance those of the negative prompt in a second row
/// @param first      the normalised latent of a picture to begin with, [1, channels, h, w], or undefined
/// @param generator  of the CPU; on the CPU in float32 the same seed gives the reference's latents
/// @return normalised latents [1, channels, T, h, w], float32
/// Reference: diffnext/models/transformers/transformer_3d.py generate_video.
at::Tensor generate_video(Nova& nova, const TextFeatures& text, const VideoSampling& sampling, const at::Tensor& first,
                          at::Generator generator, const StepProgress& progress = {});

/// A video in the words of who wants it.
struct VideoRequest {
  std::string prompt, negative_prompt;
  at::Tensor image = {};  ///< uint8 [H, W, 3], the first frame, of the model's size; or undefined
  VideoSampling sampling = {};
  uint64_t seed = 0;
};

/// Height and width of the pictures that a model makes, pixels. Throws ConfigError for a model without a VAE.
std::pair<int64_t, int64_t> picture_size(const Pretrained& model);

/// Draws the latents of a request: text to picture, text to video, picture and text to video.
/// Throws ConfigError for a picture of another size and a number of latents that the VAE does not decode.
/// @return normalised latents [1, channels, T, h, w], float32
/// Reference: diffnext/pipelines/nova/pipeline_nova.py.
at::Tensor generate_latents(Pretrained& model, const VideoRequest& request, const StepProgress& progress = {});

/// @param latents  normalised [1, channels, T, h, w]  @return uint8 [frames, H, W, 3], cut off to whole numbers as in
/// the reference (image_processor.py)
at::Tensor decode_video(const Pretrained& model, const at::Tensor& latents);

}  // namespace physgen
