#include "train/window_loader.h"

#include <cstring>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "core/random.h"

namespace physgen {
namespace {

ClipShape shape_of(const ModelConfig& config) {
  return {
      .packs = config.packs, .chunk = config.codec.chunk, .chunks = config.head.chunks, .stride = config.codec.execute};
}

// Every window of some episodes of a set.
std::vector<Clip> clips_of(const DemonstrationSet& set, const std::vector<int64_t>& episodes, int64_t stride) {
  std::vector<EpisodeInfo> infos;
  for (int64_t i : episodes) infos.push_back(set.episodes[static_cast<size_t>(i)].info);
  std::vector<Clip> clips = all_clips(infos, stride);
  for (Clip& clip : clips) clip.episode = episodes[static_cast<size_t>(clip.episode)];
  return clips;
}

void check_weights(const std::vector<double>& weights, size_t sets) {
  const bool positive = std::all_of(weights.begin(), weights.end(), [](double weight) { return weight > 0; });
  if (weights.empty() || (weights.size() == sets && positive)) return;
  throw ConfigError({.what = "the weights do not fit the datasets",
                     .where = "weights",
                     .got = std::to_string(weights.size()) + " numbers" + (positive ? "" : ", not all above 0"),
                     .expected = std::to_string(sets) + ", one above 0 for each --data"});
}

void copy_rows(const Matrix& rows, const at::Tensor& into) {
  TORCH_CHECK_VALUE(into.is_contiguous() && into.numel() == rows.size(), "[WindowLoader] rows do not fit");
  std::memcpy(into.mutable_data_ptr(), rows.data(), static_cast<size_t>(rows.size()) * sizeof(float));
}

void copy_flags(const std::vector<bool>& flags, const at::Tensor& into) {
  bool* out = into.mutable_data_ptr<bool>();
  std::copy(flags.begin(), flags.end(), out);
}

Matrix rows_of(const Matrix& matrix, const std::vector<int64_t>& rows) {
  Matrix chosen(static_cast<Eigen::Index>(rows.size()), matrix.cols());
  for (size_t i = 0; i < rows.size(); ++i) chosen.row(static_cast<Eigen::Index>(i)) = matrix.row(rows[i]);
  return chosen;
}

}  // namespace

struct WindowLoader::Window {
  const Episode& episode;
  int64_t set, start;
  int64_t index;  // of the episode in its set
};

WindowLoader::WindowLoader(const std::vector<DemonstrationSet>& sets, const std::vector<LatentStore>& latents,
                           const PolicyConfig& policy, const WindowChoice& choice)
    : sets_(sets), latents_(latents), policy_(policy), choice_(choice), shape_(shape_of(policy.model)) {
  check_weights(choice.weights, sets.size());
  std::vector<int64_t> sizes;
  std::vector<double> weights;
  for (size_t i = 0; i < sets.size(); ++i) {
    std::vector<Clip> clips =
        clips_of(sets[i], choice.held_out ? sets[i].split.held_out : sets[i].split.training, shape_.stride);
    if (clips.empty()) continue;
    sizes.push_back(static_cast<int64_t>(clips.size()));
    weights.push_back(choice.weights.empty() ? static_cast<double>(clips.size()) : choice.weights[i]);
    places_.push_back(static_cast<int64_t>(i));
    clips_.push_back(std::move(clips));
  }
  if (!sizes.empty()) order_.emplace(sizes, weights, choice.seed);
}

int64_t WindowLoader::size() const {
  int64_t total = 0;
  for (const auto& clips : clips_) total += static_cast<int64_t>(clips.size());
  return total;
}

WindowLoader::Window WindowLoader::window_at(int64_t position) const {
  if (!order_)
    throw Error({.what = "there are no windows", .where = choice_.held_out ? "held-out episodes" : "episodes"});
  const MixedClip mixed = order_->at(position);
  const auto place = static_cast<size_t>(mixed.dataset);
  const Clip& clip = clips_[place][static_cast<size_t>(mixed.clip)];
  const auto& episodes = sets_[static_cast<size_t>(places_[place])].episodes;
  return {episodes[static_cast<size_t>(clip.episode)], places_[place], clip.start, clip.episode};
}

WindowBatch WindowLoader::empty_batch(int64_t count) const {
  const NovaConfig& nova = policy_.model.backbone;
  const CodecConfig& codec = policy_.model.codec;
  const int64_t frames = shape_.frames(), chunks = shape_.action_chunks();
  WindowBatch batch;
  batch.latents = at::empty({count, frames, nova.latent_channels, nova.latent_height, nova.latent_width});
  batch.frame_valid = at::empty({count, frames}, at::kBool);
  batch.actions = at::empty({count, chunks, codec.chunk, codec.action_width});
  batch.action_valid = at::empty({count, chunks, codec.chunk}, at::kBool);
  if (codec.state_token) batch.states = at::empty({count, frames, codec.state_width});
  if (choice_.latent_jitter > 0)
    batch.input_latents = at::empty_like(batch.latents.narrow(1, 0, shape_.packs)).contiguous();
  return batch;
}

at::Tensor WindowLoader::jittered(const at::Tensor& latents, int64_t position) const {
  const uint64_t seed = mixed_seed(choice_.seed, Stream::noise, static_cast<uint64_t>(position));
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return latents + at::randn(latents.sizes(), generator) * choice_.latent_jitter;
}

void WindowLoader::add_window(int64_t position, WindowBatch& batch, int64_t row) const {
  const Window window = window_at(position);
  const LatentStore& store = latents_[static_cast<size_t>(window.set)];
  const uint64_t draw = mixed_seed(choice_.seed, Stream::augmentation, static_cast<uint64_t>(position));
  const int64_t variant = choice_.variants ? static_cast<int64_t>(draw % static_cast<uint64_t>(store.variants())) : 0;
  const EpisodePart part = part_of(window.episode.info, window.start);
  const ClipIndex index = index_clip(part, window.start, shape_);
  const at::Tensor frames = at::tensor(index.frames, at::kLong);
  batch.latents[row].copy_(store.episode(variant, window.index).index_select(0, frames));
  if (batch.input_latents.defined()) {
    batch.input_latents[row].copy_(jittered(batch.latents[row].narrow(0, 0, shape_.packs), position));
  }
  copy_flags(index.frame_valid, batch.frame_valid[row]);
  const Matrix actions = clip_actions(window.episode.actions, window.episode.info.control_mode, index);
  copy_rows(policy_.actions.normalize(actions), batch.actions[row]);
  copy_flags(index.action_valid, batch.action_valid[row]);
  if (batch.states.defined()) {
    copy_rows(policy_.states.normalize(rows_of(window.episode.states, index.frames)), batch.states[row]);
  }
  batch.instructions.push_back(part.instruction);
}

WindowBatch WindowLoader::batch(int64_t position, int64_t count) const {
  WindowBatch batch = empty_batch(count);
  for (int64_t i = 0; i < count; ++i) add_window(position + i, batch, i);
  return batch;
}

std::string WindowLoader::names(int64_t position, int64_t count) const {
  std::string text;
  for (int64_t i = 0; i < count; ++i) {
    const Window window = window_at(position + i);
    text += (i ? ", " : "") + window.episode.info.source + " frame " + std::to_string(window.start);
  }
  return text;
}

}  // namespace physgen
