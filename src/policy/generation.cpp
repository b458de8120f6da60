#include <physgen/policy/generation.h>

#include <torch/torch.h>

#include <physgen/core/error.h>
#include <physgen/core/suggestion.h>
#include <physgen/policy/policy_checkpoint.h>

#include "codec/pixels.h"
#include "device/compute_device.h"
#include "media/resize.h"
#include "policy/pack.h"
#include "release/video_generator.h"

namespace physgen {
namespace {

constexpr int64_t kMostFrames = 100000;
constexpr auto kPrecisions =
    std::to_array<Choice<at::ScalarType>>({{at::kFloat, "float32"}, {at::kBFloat16, "bfloat16"}});

at::ScalarType dtype_of(const GenerationOptions& options) {
  return choice_of(options.precision, kPrecisions, "there is no such precision", "precision");
}

// The largest part of the middle that has the model's proportions, in the model's size.
Image fitted(const Image& image, int64_t height, int64_t width) {
  require_whole(image, "the first picture");
  const int64_t wide = std::min(image.width, std::max<int64_t>(1, image.height * width / height));
  const int64_t high = std::min(image.height, std::max<int64_t>(1, wide * height / width));
  return resize(crop(image, (image.height - high) / 2, (image.width - wide) / 2, high, wide), height, width);
}

FrameSampling frame_sampling(const GenerationOptions& options) {
  return {.decoding_steps = options.decoding_steps,
          .denoising_steps = options.denoising_steps,
          .sampler = Sampler::ddpm,
          .guidance = options.guidance,
          .guidance_until = options.guidance_until,
          .guidance_renorm = options.guidance_renorm};
}

void require(bool fulfilled, const std::string& what, const std::string& where, const std::string& got,
             const std::string& expected) {
  if (!fulfilled) throw ConfigError({.what = what, .where = where, .got = got, .expected = expected});
}

void check(const GenerationOptions& options) {
  const auto at_least = [](const std::string& where, int64_t got, int64_t least, int64_t most) {
    require(got >= least && got <= most, "a number is out of range", where, std::to_string(got),
            std::to_string(least) + " to " + std::to_string(most));
  };
  at_least("frames", options.frames, 1, kMostFrames);
  at_least("decoding_steps", options.decoding_steps, 1, 100000);
  at_least("denoising_steps", options.denoising_steps, 1, 1000);
  const auto between = [](const std::string& where, double got, double least, double most) {
    require(got >= least && got <= most, "a number is out of range", where, std::to_string(got),
            std::to_string(least) + " to " + std::to_string(most));
  };
  between("guidance", options.guidance, 1, 100);
  between("guidance_until", options.guidance_until, 0, 1000);
  between("guidance_renorm", options.guidance_renorm, 0, 1);
  between("motion", options.motion, 0, 1000);
}

void note_cut(const Pretrained& model, const std::string& prompt, const GenerationOptions& options) {
  if (!options.on_note || !model.tokenizer) return;
  const auto tokens = static_cast<int64_t>(model.tokenizer->encode(prompt).size());
  const int64_t slots = model.config.backbone.text_slots;
  if (tokens <= slots) return;
  options.on_note("of the prompt's " + std::to_string(tokens) + " tokens the first " + std::to_string(slots) +
                  " are read");
}

void require_finite(const at::Tensor& latents, const std::string& checkpoint) {
  if (latents.isfinite().all().item<bool>()) return;
  throw FormatError({.what = "the model draws numbers that are not finite",
                     .where = checkpoint,
                     .got = "latents that are infinite or no numbers",
                     .next_step = "check its weights with physgen convert, and its precision"});
}

// The packs of a demonstration, whose frames come one by one as they are drawn.
class Imagination {
 public:
  Imagination(const LoadedPolicy& policy, const Demonstration& demonstration, at::Device device)
      : policy_(policy), codec_(policy.config.model.codec), window_(policy.config.model.packs, codec_.execute) {
    require(demonstration.actions.cols() == codec_.action_width, "the demonstration is of another robot", "actions",
            std::to_string(demonstration.actions.cols()) + " numbers each",
            std::to_string(codec_.action_width) + ", as the policy was trained on");
    require(!codec_.state_token || demonstration.states.rows() > demonstration.actions.rows(),
            "the demonstration lacks states", "states", std::to_string(demonstration.states.rows()),
            std::to_string(demonstration.actions.rows() + 1) + ", one more than actions");
    actions_ = tensor_of(policy.config.actions.normalize(demonstration.actions)).to(device);
    if (codec_.state_token) states_ = tensor_of(policy.config.states.normalize(demonstration.states)).to(device);
    text_ = PhysGenModel(policy.model)->encode_text({demonstration.instruction});
  }

  // How many frames follow the first.
  int64_t reach() const { return actions_.size(0) / codec_.execute; }

  /// The condition of the frame after `latent` [C, h, w] and those before it, as far as a window reaches. [1, M, C]
  at::Tensor condition_after(const at::Tensor& latent) {
    window_.add({latent, executed_before(seen_), codec_.state_token ? states_[seen_ * codec_.execute] : at::Tensor()});
    ++seen_;
    const Conditions conditions = PhysGenModel(policy_.model)->forward(window_.all(), text_);
    return conditions.frames.select(1, window_.size() - 1);
  }

 private:
  at::Tensor executed_before(int64_t pack) const {
    at::Tensor chunk = at::zeros({codec_.chunk, codec_.action_width}, actions_.options());
    if (pack > 0)
      chunk.narrow(0, 0, codec_.execute).copy_(actions_.narrow(0, (pack - 1) * codec_.execute, codec_.execute));
    return chunk;
  }

  const LoadedPolicy& policy_;
  const CodecConfig& codec_;
  at::Tensor actions_, states_;
  TextFeatures text_;
  PackWindow window_;
  int64_t seen_ = 0;  // frames
};

at::Tensor first_frame(const LoadedPolicy& policy, const Demonstration& demonstration, at::Device device) {
  const Image canvas = compose_canvas(demonstration.views, policy.config.canvas);
  const at::Tensor values = pixels_to_values(view_of(canvas).unsqueeze(0)).to(device);
  return policy.vae->normalize(policy.vae->encode(values).mean)[0];
}

}  // namespace

bool holds_pretrained(const std::string& checkpoint) { return is_pretrained(checkpoint); }

std::vector<Image> generate_from_text(const std::string& checkpoint, const std::string& prompt,
                                      const std::string& negative_prompt, const std::optional<Image>& image,
                                      const GenerationOptions& options, const GenerationProgress& progress) {
  check(options);
  const PretrainedFiles files = open_pretrained(checkpoint);
  if (options.on_note) std::for_each(files.notes.begin(), files.notes.end(), options.on_note);
  Pretrained model = load_pretrained(files, dtype_of(options), compute_device(options.device));
  const auto [height, width] = picture_size(model);
  VideoRequest request{.prompt = prompt, .negative_prompt = negative_prompt, .seed = options.seed};
  if (image) request.image = view_of(fitted(*image, height, width)).clone();
  const VaeConfig& vae = model.vae->config;
  require(options.frames == 1 || vae.time_taps > 0, "this model draws single pictures", "frames",
          std::to_string(options.frames), "1");
  request.sampling = {.frame = frame_sampling(options),
                      .latents = vae.latents_covering(options.frames),
                      .motion = {.flow = options.motion}};
  note_cut(model, prompt, options);
  const at::Tensor latents = generate_latents(model, request, progress);
  require_finite(latents, checkpoint);
  std::vector<Image> frames = to_images(decode_video(model, latents));
  frames.resize(static_cast<size_t>(std::min<int64_t>(options.frames, static_cast<int64_t>(frames.size()))));
  return frames;
}

std::vector<Image> imagine_demonstration(const std::string& checkpoint, const Demonstration& demonstration,
                                         const GenerationOptions& options, const GenerationProgress& progress) {
  const torch::NoGradGuard no_grad;
  check(options);
  const at::Device device = compute_device(options.device);
  LoadedPolicy policy = load_policy(checkpoint);
  merge_adapters(policy.model);
  policy.model->to(device, dtype_of(options));
  policy.vae->to(device);
  Imagination imagination(policy, demonstration, device);
  FrameSampling sampling = frame_sampling(options);
  sampling.guidance = 1;  // a policy is asked for what follows from its actions, not for more of a text
  FrameGenerator generator(policy.model->nova, sampling, at::make_generator<at::CPUGeneratorImpl>(options.seed));
  std::vector<at::Tensor> frames = {first_frame(policy, demonstration, device)};
  const int64_t count = std::min(options.frames, 1 + imagination.reach());
  const auto steps = static_cast<int64_t>(
      decoding_counts(policy.config.model.backbone.image_tokens(), sampling.decoding_steps).size());
  int64_t done = 0;
  const auto on_step = [&] {
    if (progress) progress(++done, (count - 1) * steps);
  };
  while (static_cast<int64_t>(frames.size()) < count) {
    frames.push_back(generator.draw(imagination.condition_after(frames.back()), on_step)[0]);
  }
  const at::Tensor latents = at::stack(frames);
  require_finite(latents, checkpoint);
  return to_images(values_to_pixels(policy.vae->decode(policy.vae->denormalize(latents))));
}

}  // namespace physgen
