#include <physgen/policy/losses.h>

#include <torch/torch.h>

#include <physgen/policy/action_sampler.h>

#include "diffusion/forward_noise.h"

namespace physgen {
namespace {

// Targets of every pack, [B, P, chunks L, ...]: the chunks from A_{p+1} on.
at::Tensor lookahead_windows(const at::Tensor& chunks, int64_t packs, int64_t count) {
  std::vector<at::Tensor> windows;
  for (int64_t p = 0; p < packs; ++p) windows.push_back(chunks.narrow(1, p, count).flatten(1, 2));
  return at::stack(windows, 1);
}

PackInputs inputs_of(const WindowBatch& batch, int64_t packs) {
  at::Tensor none = at::zeros_like(batch.actions.narrow(1, 0, 1));  // A_0 is not read
  at::Tensor latents = batch.input_latents.defined() ? batch.input_latents : batch.latents.narrow(1, 0, packs);
  PackInputs inputs{latents, at::cat({none, batch.actions.narrow(1, 0, packs - 1)}, 1), {}};
  if (batch.states.defined()) inputs.states = batch.states.narrow(1, 0, packs);
  return inputs;
}

// Only masked patches of frames that are there count, as rows of [B P N]: no other is decoded.
at::Tensor counted_patches(const WindowBatch& batch, const LossNoise& noise) {
  if (noise.decoded.defined()) return noise.decoded;
  const int64_t packs = batch.latents.size(1) - 1;
  at::Tensor valid = batch.frame_valid.narrow(1, 1, packs).flatten(0, 1).unsqueeze(1);
  return noise.frame_mask.unknown.logical_and(valid).flatten().nonzero().squeeze(1);
}

// Which targets of the action head count, [B P, tokens] bool.
at::Tensor counted_actions(const WindowBatch& batch, int64_t chunks) {
  const int64_t packs = batch.latents.size(1) - 1;
  return lookahead_windows(batch.action_valid, packs, chunks)
      .logical_and(batch.frame_valid.narrow(1, 0, packs).unsqueeze(2))
      .flatten(0, 1);
}

// Rows of [R, n, ...] at `ids` of the second dimension, as [R ids, ...].
at::Tensor selected(const at::Tensor& repeated, const at::Tensor& ids) {
  return repeated.index_select(1, ids).flatten(0, 1);
}

void observation_loss(PhysGenModel& model, const WindowBatch& batch, const LossNoise& noise,
                      const Conditions& conditions, Losses& losses) {
  const int64_t packs = conditions.frames.size(1), repeats = noise.frame_noise.size(0);
  at::Tensor targets = batch.latents.narrow(1, 1, packs).flatten(0, 1);
  at::Tensor patches = patchify(targets, model->config().backbone.image_patch);  // [B P, N, values]
  at::Tensor z = model->nova->complete_frames(patches, noise.frame_mask, conditions.frames.flatten(0, 1));
  at::Tensor ids = counted_patches(batch, noise);
  at::Tensor x = patches.flatten(0, 1).index_select(0, ids).repeat({repeats, 1});
  at::Tensor epsilon = selected(noise.frame_noise.flatten(1, 2), ids);
  at::Tensor timesteps = selected(noise.frame_timesteps.flatten(1, 2), ids);
  DiffusionMlp& decoder = model->nova->image_decoder;
  at::Tensor condition = decoder->embed_condition(z.flatten(0, 1).index_select(0, ids)).repeat({repeats, 1});
  const NovaConfig& backbone = model->config().backbone;
  const NoisySample noisy =
      add_noise(backbone.objective, x, epsilon, training_timesteps(backbone.objective, backbone.flow_shift, timesteps));
  at::Tensor error = decoder->forward(noisy.x, noisy.timesteps, condition).to(at::kFloat) - noisy.target;
  losses.observation_sum = error.square().mean(-1).sum();
  losses.observation_count = at::scalar_tensor(ids.size(0) * repeats, losses.observation_sum.options());
}

// Flow matching's times are 1 to 1000.
NoisySample noisy_actions(Objective objective, const at::Tensor& targets, const LossNoise& noise) {
  at::Tensor x = targets.unsqueeze(1).expand_as(noise.action_noise).flatten(0, 1);  // [n R, tokens, A]
  at::Tensor timesteps = noise.action_timesteps.flatten();
  if (objective == Objective::flow_matching) timesteps = timesteps + 1;
  return add_noise(objective, x, noise.action_noise.flatten(0, 1), timesteps);
}

// Squared errors of noise or velocity, [n, R, tokens, A].
at::Tensor denoising_errors(PhysGenModel& model, const at::Tensor& targets, const LossNoise& noise,
                            const std::vector<ConditionKeys>& condition) {
  NoisySample noisy = noisy_actions(model->config().head.objective, targets, noise);
  ActionHead& head = model->action_head;
  at::Tensor predicted = head->forward(noisy.x, head->embed_timesteps(noisy.timesteps), condition);
  return (predicted.to(at::kFloat) - noisy.target).square().unflatten(0, {targets.size(0), -1});
}

// Cross-entropies of bins, [n, 1, tokens, A].
at::Tensor classification_errors(PhysGenModel& model, const at::Tensor& targets,
                                 const std::vector<ConditionKeys>& condition) {
  ActionHead& head = model->action_head;
  at::Tensor zero = at::zeros({1}, targets.options().dtype(at::kLong));
  at::Tensor logits = head->forward(at::zeros_like(targets), head->embed_timesteps(zero), condition).to(at::kFloat);
  at::Tensor bins = bins_of(targets, model->config().head.bins);
  at::Tensor errors = at::cross_entropy_loss(logits.flatten(0, -2), bins.flatten(), {}, at::Reduction::None);
  return errors.view(targets.sizes()).unsqueeze(1);
}

void action_loss(PhysGenModel& model, const WindowBatch& batch, const LossNoise& noise, const Conditions& conditions,
                 Losses& losses) {
  const int64_t packs = conditions.frames.size(1), chunks = model->config().head.chunks;
  at::Tensor targets = lookahead_windows(batch.actions, packs, chunks).flatten(0, 1);  // [B P, tokens, A]
  at::Tensor valid = counted_actions(batch, chunks);
  auto condition = model->action_head->embed_condition(model->head_condition(conditions).flatten(0, 1));
  at::Tensor errors = model->config().head.objective == Objective::discrete
                          ? classification_errors(model, targets, condition)
                          : denoising_errors(model, targets, noise, condition);
  at::Tensor weights = valid.unsqueeze(1).unsqueeze(3).to(at::kFloat);  // [B P, 1, tokens, 1]
  losses.action_sum = (errors * weights).sum();
  losses.action_count = weights.sum() * (errors.size(1) * errors.size(3));
}

at::Tensor mean_or_zero(const at::Tensor& sum, const at::Tensor& count) { return sum / count.clamp_min(1); }

}  // namespace

at::Tensor Losses::observation() const { return mean_or_zero(observation_sum, observation_count); }

at::Tensor Losses::action() const { return mean_or_zero(action_sum, action_count); }

LossCounts count_loss_terms(const ModelConfig& model, const WindowBatch& batch, LossNoise& noise,
                            const LossConfig& config) {
  const double repeats = static_cast<double>(config.timesteps);
  LossCounts counts;
  if (config.observation) {
    noise.decoded = counted_patches(batch, noise);
    counts.observation = static_cast<double>(noise.decoded.size(0)) * repeats;
  }
  if (config.action) {
    const double values =
        counted_actions(batch, model.head.chunks).sum().item<double>() * static_cast<double>(batch.actions.size(-1));
    counts.action = model.head.objective == Objective::discrete ? values : values * repeats;
  }
  return counts;
}

Losses compute_losses(PhysGenModel& model, const WindowBatch& batch, const LossNoise& noise, const LossConfig& config) {
  TextFeatures text = model->encode_text(batch.instructions, noise.text_kept);
  Conditions conditions = model->forward(inputs_of(batch, batch.latents.size(1) - 1), text);
  at::Tensor zero = at::zeros({}, batch.latents.options().dtype(at::kFloat));
  Losses losses{zero, zero, zero, zero};
  if (config.observation) observation_loss(model, batch, noise, conditions, losses);
  if (config.action) action_loss(model, batch, noise, conditions, losses);
  return losses;
}

Conditions conditions_of(PhysGenModel& model, const WindowBatch& batch) {
  return model->forward(inputs_of(batch, batch.latents.size(1) - 1), model->encode_text(batch.instructions));
}

at::Tensor sample_actions(PhysGenModel& model, const WindowBatch& batch, const at::Tensor& noise,
                          std::vector<at::Generator> generators) {
  torch::NoGradGuard no_grad;
  const ModelConfig& config = model->config();
  at::Tensor condition = model->head_condition(conditions_of(model, batch)).flatten(0, 1);
  at::Tensor sampled = ActionSampler(model, config.head.sampler, config.head.denoising_steps)
                           .sample(condition, noise.to(condition.device()), {}, std::move(generators));
  return sampled.narrow(1, 0, config.codec.chunk).unflatten(0, {batch.latents.size(0), -1});
}

}  // namespace physgen
