#include "release/video_generator.h"

#include <utility>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "backbone/video_context.h"

namespace physgen {
namespace {

constexpr double kHalfRange = 127.5;  // a value is (byte - 127.5) / 127.5

const CausalVae& vae_of(const Pretrained& model) {
  if (model.vae) return model.vae;
  throw ConfigError({.what = "this model has no VAE",
                     .where = "the checkpoint",
                     .got = "the transformer alone",
                     .expected = "a release with vae/",
                     .next_step = "add one: physgen convert nova:TRAINER OUT --parts-of nova:RELEASE"});
}

std::string size_text(int64_t height, int64_t width) { return std::to_string(height) + " x " + std::to_string(width); }

// The normalised latent of the picture that a video begins with, drawn from the posterior.
at::Tensor first_latent(const Pretrained& model, const at::Tensor& image, at::Generator& generator) {
  if (!image.defined()) return {};
  const auto [height, width] = picture_size(model);
  if (image.dim() != 3 || image.size(0) != height || image.size(1) != width) {
    throw ConfigError({.what = "the picture is of another size than the model's",
                       .where = "image",
                       .got = size_text(image.size(0), image.size(1)),
                       .expected = size_text(height, width),
                       .next_step = "resize it"});
  }
  const at::TensorOptions options = at::TensorOptions(model.dtype).device(model.device);
  const at::Tensor values = image.to(options).sub(kHalfRange).div(kHalfRange).permute({2, 0, 1}).unsqueeze(0);
  const LatentMoments moments = model.vae->encode(values);
  const at::Tensor noise = at::randn(moments.mean.sizes(), generator).to(moments.mean.device());
  return model.vae->normalize(moments.sample(noise));
}

}  // namespace

at::Tensor generate_video(Nova& nova, const TextFeatures& text, const VideoSampling& sampling, const at::Tensor& first,
                          at::Generator generator, const StepProgress& progress) {
  const torch::NoGradGuard no_grad;
  const int64_t batch = sampling.frame.guidance > 1 ? 2 : 1, given = first.defined() ? 1 : 0;
  const auto steps =
      static_cast<int64_t>(decoding_counts(nova->config().image_tokens(), sampling.frame.decoding_steps).size());
  const int64_t total = (sampling.latents - given) * steps;
  VideoContext context(nova, nova->embed_prefix(text, batch, sampling.motion), sampling.latents);
  FrameGenerator frames(nova, sampling.frame, std::move(generator));
  int64_t done = 0;
  const auto on_step = [&] {
    if (progress) progress(++done, total);
  };
  std::vector<at::Tensor> latents;
  for (int64_t t = 0; t < sampling.latents; ++t) {
    const at::Tensor condition = context.next(latents.empty() ? at::Tensor() : latents.back());
    latents.push_back(t < given ? first.to(at::kFloat) : frames.draw(condition, on_step));
  }
  return at::stack(latents, 2);
}

std::pair<int64_t, int64_t> picture_size(const Pretrained& model) {
  const int64_t stride = vae_of(model)->config.stride();
  return {model.config.backbone.latent_height * stride, model.config.backbone.latent_width * stride};
}

at::Tensor generate_latents(Pretrained& model, const VideoRequest& request, const StepProgress& progress) {
  const torch::NoGradGuard no_grad;
  vae_of(model)->config.frames_of(request.sampling.latents);
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(request.seed);
  const at::Tensor first = first_latent(model, request.image, generator);
  std::vector<std::string> texts = {request.prompt};
  if (request.sampling.frame.guidance > 1) texts.push_back(request.negative_prompt);
  return generate_video(model.nova, model.encode(texts), request.sampling, first, generator, progress);
}

at::Tensor decode_video(const Pretrained& model, const at::Tensor& latents) {
  const torch::NoGradGuard no_grad;
  const CausalVae& vae = vae_of(model);
  const at::Tensor values = vae->decode(vae->denormalize(latents).to(model.dtype)).to(at::kFloat);
  return values.mul(kHalfRange).add(kHalfRange).clamp(0, 255).to(at::kByte)[0].permute({1, 2, 3, 0}).contiguous();
}

}  // namespace physgen
