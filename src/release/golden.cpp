#include "release/golden.h"

#include <limits>

#include <torch/torch.h>

#include <physgen/layers/patch_embed.h>

#include "backbone/video_context.h"
#include "device/compute_device.h"
#include "diffusion/forward_noise.h"
#include "release/golden_file.h"
#include "release/video_generator.h"

namespace physgen {
namespace {

constexpr int64_t kGradientValues = 256;  // of each parameter's gradient, evenly spread

std::vector<std::string> prompts_of(const GoldenFile& golden) {
  const JsonView list = golden.metadata("prompts");
  if (list.items().empty()) list.refuse("an empty list", "a list of texts");
  return list.texts();
}

uint64_t seed_of(const JsonView& value) { return static_cast<uint64_t>(value.integer(0)); }

// Frames of a clip as the frame decoder's patches, [T, N, values].
at::Tensor clip_patches(const Nova& nova, const at::Tensor& latents) {
  return patchify(latents.transpose(1, 2).flatten(0, 1), nova->config().image_patch);
}

class Verification {
 public:
  Verification(Pretrained& model, GoldenFile& golden) : model_(model), golden_(golden), prompts_(prompts_of(golden)) {}

  void run() {
    verify_text();
    if (golden_.has("transformer.prefix.out")) verify_prefix();
    if (golden_.has("transformer.video_encoder.out")) verify_frames();
    if (golden_.has("transformer.loss.t2i") || golden_.has("transformer.loss")) verify_loss();
    if (golden_.has("scheduler.timesteps")) verify_scheduler();
    if (model_.vae) verify_vae();
    for (const JsonView& run : golden_.metadata("runs").items()) verify_generation(run);
  }

 private:
  void verify_text() {
    for (size_t i = 0; i < prompts_.size() && model_.tokenizer; ++i) {
      std::vector<int64_t> ids = model_.tokenizer->encode(prompts_[i]);
      ids.resize(std::min<size_t>(ids.size(), static_cast<size_t>(model_.config.backbone.text_slots)));
      golden_.compare("tokenizer.ids." + std::to_string(i), at::tensor(ids, at::kLong));
      const std::string states = "text_encoder.out." + std::to_string(i);
      if (golden_.has(states)) golden_.compare(states, model_.text_encoder->forward(ids, model_.dtype));
    }
  }

  Motion motion() const { return {.flow = golden_.at("input.motion_flow").item<double>()}; }

  at::Tensor prefix() {
    const std::string prompt = model_.tokenizer ? prompts_.front() : "";
    return model_.nova->embed_prefix(model_.encode({prompt}), 1, motion());
  }

  void verify_prefix() {
    const torch::NoGradGuard no_grad;
    const auto count = static_cast<int64_t>(prompts_.size());
    const std::vector<std::string> texts = model_.tokenizer ? prompts_ : std::vector<std::string>(prompts_.size());
    golden_.compare("transformer.text_embed.out", model_.nova->text_embed->forward(model_.encode(texts), count));
    if (model_.nova->motion_embed) {
      golden_.compare("transformer.motion_embed.out", model_.nova->motion_embed->forward(motion()));
    }
    golden_.compare("transformer.prefix.out", prefix());
  }

  FrameMask mask(const at::Tensor& patches) const {
    const at::Tensor& ids = golden_.at("input.known_ids");
    return {ids, at::ones({patches.size(0), patches.size(1)}, ids.options().dtype(at::kBool)).scatter_(1, ids, false)};
  }

  void verify_frames() {
    const torch::NoGradGuard no_grad;
    const at::Tensor& latents = golden_.at("input.latents");
    const int64_t frames = latents.size(2);
    golden_.compare("transformer.time_embed.out", model_.nova->embed_time(0, frames, frames));
    const at::Tensor outputs = encode_clip(model_.nova, latents, prefix());
    golden_.compare("transformer.video_encoder.out", outputs);
    const at::Tensor mixed = mix_clip(model_.nova, outputs);
    if (frames > 1) golden_.compare("transformer.mixer.out", mixed.narrow(1, 1, frames - 1));
    if (!golden_.has("transformer.image_encoder.out")) return;
    const at::Tensor patches = clip_patches(model_.nova, latents);
    const at::Tensor z = model_.nova->complete_frames(patches, mask(patches), mixed.flatten(0, 1));
    golden_.compare("transformer.image_encoder.out", z);
    if (golden_.has("transformer.image_decoder.out")) verify_decoder(z);
  }

  void verify_decoder(const at::Tensor& z) {
    DiffusionMlp& decoder = model_.nova->image_decoder;
    const at::Tensor x = golden_.at("input.noise").narrow(0, 0, z.size(0)).flatten(0, 1);
    const at::Tensor timesteps = golden_.at("input.timesteps").narrow(0, 0, z.size(0)).flatten();
    golden_.compare("transformer.image_decoder.out",
                    decoder->forward(x, timesteps, decoder->embed_condition(z.flatten(0, 1))));
  }

  NoisySample noisy_patches(const at::Tensor& patches, const at::Tensor& noise, const at::Tensor& indices) const {
    const NovaConfig& config = model_.config.backbone;
    return add_noise(config.objective, patches, noise.flatten(0, 1),
                     training_timesteps(config.objective, config.flow_shift, indices.flatten()));
  }

  // The squared error of each patch's noise or velocity, weighted so that the masked patches sum to one: [repeats, T,
  // N].
  at::Tensor weighted_errors() {
    Nova& nova = model_.nova;
    const at::Tensor &latents = golden_.at("input.latents"), &noise = golden_.at("input.noise");
    const at::Tensor patches = clip_patches(nova, latents);
    const at::Tensor condition = mix_clip(nova, encode_clip(nova, latents, prefix())).flatten(0, 1);
    const FrameMask shown = mask(patches);
    const at::Tensor z = nova->complete_frames(patches, shown, condition);
    const int64_t repeats = noise.size(0) / patches.size(0);
    const NoisySample noisy =
        noisy_patches(patches.repeat({repeats, 1, 1}).flatten(0, 1), noise, golden_.at("input.timesteps"));
    const at::Tensor rows = nova->image_decoder->embed_condition(z.repeat({repeats, 1, 1}).flatten(0, 1));
    const at::Tensor error =
        (nova->image_decoder->forward(noisy.x, noisy.timesteps, rows) - noisy.target).square().mean(-1);
    const at::Tensor weight = shown.unknown.to(at::kFloat).repeat({repeats, 1});
    return (error.view_as(weight) * weight / (weight.sum() + 1e-5)).view({repeats, patches.size(0), patches.size(1)});
  }

  // As the reference's trainer: the first frame counts as a picture, the others as frames that follow.
  void verify_loss() {
    for (at::Tensor& parameter : model_.nova->parameters()) parameter.requires_grad_(true);
    const at::Tensor errors = weighted_errors();
    const auto frames = static_cast<double>(errors.size(1));
    at::Tensor total = errors.sum();
    if (frames > 1) {
      const at::Tensor sums = errors.sum(at::IntArrayRef{0, 2});
      const at::Tensor first = sums[0] * frames, later = sums.slice(0, 1).sum() * (frames / (frames - 1));
      golden_.compare("transformer.loss.t2i", first);
      golden_.compare("transformer.loss.i2i", later);
      total = first + later;
    }
    golden_.compare("transformer.loss", total);
    total.backward();
    for (const auto& item : model_.nova->named_parameters()) compare_gradient(item.key(), item.value());
    model_.nova->zero_grad();
    for (at::Tensor& parameter : model_.nova->parameters()) parameter.requires_grad_(false);
  }

  void compare_gradient(const std::string& name, const at::Tensor& parameter) {
    const at::Tensor all = parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter);
    const int64_t step = std::max<int64_t>(1, all.numel() / kGradientValues);
    golden_.compare("transformer.gradient." + name,
                    all.flatten().slice(0, 0, std::nullopt, step).slice(0, 0, kGradientValues));
  }

  void verify_scheduler() {
    const NovaConfig& config = model_.config.backbone;
    const auto steps = golden_.at("scheduler.timesteps").size(0);
    const std::vector<double> timesteps = denoising_timesteps(config, steps);
    golden_.compare("scheduler.timesteps", at::tensor(timesteps, at::kDouble));
    const at::Tensor patches = clip_patches(model_.nova, golden_.at("input.latents"));
    const NoisySample noisy =
        noisy_patches(patches.flatten(0, 1), golden_.at("input.noise").narrow(0, 0, patches.size(0)),
                      golden_.at("input.timesteps").narrow(0, 0, patches.size(0)));
    golden_.compare("scheduler.noisy", noisy.x);
    const at::Tensor& start = golden_.at("input.sampling_noise");
    at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed_of(golden_.metadata("seed")));
    const auto noise = [&] { return at::randn(start.sizes(), generator).to(start.device()); };
    const auto denoiser = [](const at::Tensor& x, int64_t) { return x.tanh(); };
    golden_.compare("scheduler.sampled", sample(NoiseSchedule(), config.objective, Sampler::ddpm, timesteps, start,
                                                denoiser, noise, std::numeric_limits<double>::infinity()));
  }

  void verify_vae() {
    const torch::NoGradGuard no_grad;
    CausalVae& vae = model_.vae;
    const auto frames = [&] { return golden_.at("input.frames").to(model_.dtype); };
    const auto latents = [&] { return golden_.at("input.decode_latents").to(model_.dtype); };
    if (golden_.has("vae.encode.mean")) {
      const LatentMoments moments = vae->encode(frames());
      golden_.compare("vae.encode.mean", moments.mean);
      golden_.compare("vae.encode.log_variance", moments.log_variance);
    }
    if (golden_.has("vae.decode.out")) golden_.compare("vae.decode.out", vae->decode(latents()));
    if (golden_.has("vae.encode_image.mean")) {
      golden_.compare("vae.encode_image.mean", vae->encode(frames().select(2, 0)).mean);
    }
    if (golden_.has("vae.decode_image.out")) {
      golden_.compare("vae.decode_image.out", vae->decode(latents().select(2, 0)));
    }
  }

  VideoRequest request_of(const JsonView& run) const {
    VideoRequest request{.prompt = model_.tokenizer ? run.text_or("prompt", "") : "",
                         .negative_prompt = model_.tokenizer ? run.text_or("negative_prompt", "") : "",
                         .seed = seed_of(run.at("seed"))};
    request.sampling.latents = run.at("latent_frames").integer();
    request.sampling.motion.flow = run.number_or("motion_flow", 5);
    request.sampling.frame = {.decoding_steps = run.at("decoding_steps").integer(),
                              .denoising_steps = run.at("diffusion_steps").integer(),
                              .sampler = Sampler::ddpm,
                              .guidance = run.at("guidance").number(),
                              .guidance_until = run.number_or("guidance_trunc", 0),
                              .guidance_renorm = run.number_or("guidance_renorm", 1)};
    if (run.flag_or("image", false)) request.image = golden_.at("input.image");
    return request;
  }

  void verify_generation(const JsonView& run) {
    const std::string name = "generate." + run.at("name").text();
    if (!golden_.has(name + ".latents")) return;
    const at::Tensor latents = generate_latents(model_, request_of(run));
    golden_.compare(name + ".latents", latents);
    if (golden_.has(name + ".video")) golden_.compare(name + ".video", decode_video(model_, latents));
  }

  Pretrained& model_;
  GoldenFile& golden_;
  std::vector<std::string> prompts_;
};

}  // namespace

int64_t verify_golden(const std::string& checkpoint, const std::filesystem::path& file, const std::string& device,
                      bool in_double, const std::function<void(const GoldenComparison&)>& on_comparison) {
  const at::Device place = compute_device(device);
  GoldenFile golden(file, place, on_comparison);
  Pretrained model = load_pretrained(open_pretrained(checkpoint), in_double ? at::kDouble : at::kFloat, place);
  Verification(model, golden).run();
  return golden.finish();
}

}  // namespace physgen
