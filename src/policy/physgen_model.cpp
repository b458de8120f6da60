#include <physgen/policy/physgen_model.h>

#include <torch/torch.h>

#include "codec/causal_mask.h"

namespace physgen {
namespace {

enum Table : int64_t { kMask, kRotary };

// Latents [B, P, C, h, w] as the causal transformer's patches [B, P, M, values].
at::Tensor video_patches(const at::Tensor& latents, int64_t patch) {
  return patchify(latents.flatten(0, 1), patch).unflatten(0, {latents.size(0), latents.size(1)});
}

void for_each_linear(torch::nn::Module& module, const std::function<void(const std::string&, LoraLinearImpl&)>& visit) {
  for (const auto& item : module.named_modules("", false)) {
    if (auto* linear = item.value()->as<LoraLinearImpl>()) visit(item.key(), *linear);
  }
}

bool takes_adapter(const std::string& name) {
  for (const char* ending : {".attn.qkv", ".attn.proj", ".mlp.fc1", ".mlp.fc2"}) {
    if (name.ends_with(ending)) return true;
  }
  return false;
}

// Those that can compute in int8.
void for_each_int8_layer(const PhysGenModel& model,
                         const std::function<void(const std::string&, LoraLinearImpl&)>& visit) {
  VisionTransformer encoder = model->nova->video_encoder;  // a handle
  for_each_linear(*encoder, [&](const std::string& name, LoraLinearImpl& linear) {
    if (takes_adapter(name)) visit("nova.video_encoder." + name, linear);
  });
}

}  // namespace

PhysGenModelImpl::PhysGenModelImpl(const ModelConfig& config)
    : config_(config), mask_(causal_mask(config.layout(), config.packs, config.codec)) {
  const NovaConfig& backbone = config.backbone;
  nova = register_module("nova", Nova(backbone));
  if (config.text_encoder == TextEncoder::bytes) {
    text_encoder =
        register_module("text_encoder", ByteEncoder(backbone.text_slots, config.text_slot_bytes, backbone.text_width));
  }
  if (config.text_encoder == TextEncoder::table) {
    text_table = register_module("text_table", InstructionTable(config.text_table, config.text_lengths,
                                                                backbone.text_slots, backbone.text_width));
  }
  physical_token = register_module("physical_token", PhysicalToken(config.codec, backbone));
  action_head = register_module("action_head",
                                ActionHead(config.head, backbone.width, config.codec.chunk, config.codec.action_width));
}

TextFeatures PhysGenModelImpl::encode_text(const std::vector<std::string>& instructions, const at::Tensor& kept) {
  if (!text_encoder && !text_table) return {};
  TextFeatures text = text_table ? text_table->forward(instructions) : text_encoder->forward(instructions);
  if (kept.defined()) text.used = text.used.logical_and(kept.unsqueeze(1));
  return text;
}

RotaryTable PhysGenModelImpl::rotary(int64_t first, int64_t packs, const at::TensorOptions& options) const {
  if (config_.backbone.position == Position::absolute) return {};
  return rotary_of(tables_, {kRotary, first, packs}, options, [&] {
    const PackLayout layout = config_.layout();
    std::vector<at::Tensor> angles;
    if (first == 0) {
      angles.push_back(at::zeros({layout.prefix, config_.backbone.width / config_.backbone.heads / 2}));
    }
    for (int64_t p = first; p < first + packs; ++p) {
      angles.push_back(pack_angles(config_.backbone, config_.codec, layout, p));
    }
    return at::cat(angles, 0);
  });
}

at::Tensor PhysGenModelImpl::mask_rows(int64_t first, int64_t packs, const at::TensorOptions& options) const {
  const PackLayout layout = config_.layout();
  const int64_t last = std::min(first + packs, config_.packs);  // past a full window: the rows of its last pack
  const int64_t start = first == 0 ? 0 : layout.start_of(last - packs);
  const int64_t end = layout.length(last);
  return tables_.get({kMask, start, end}, options,
                     [&] { return mask_.narrow(0, start, end - start).narrow(1, 0, end); });
}

// The tokens of packs [first, first + P), behind the prefix for first 0: [B, L, C].
at::Tensor PhysGenModelImpl::embed(const PackInputs& inputs, const TextFeatures& text, int64_t first) {
  at::Tensor patches = video_patches(inputs.latents, config_.backbone.video_patch());
  const int64_t executed = inputs.executed > 0 ? inputs.executed : config_.codec.execute;
  at::Tensor x = physical_token->forward(nova, patches, inputs.actions, inputs.states, first, executed).flatten(1, 2);
  return first > 0 ? x : at::cat({nova->embed_prefix(text, x.size(0)), x}, 1);
}

// The packs' rows. Where pack 0 is taken up by a model with a mixer they begin with its frame.
std::vector<RowRange> PhysGenModelImpl::output_rows(int64_t first, int64_t packs, OutputPacks outputs) const {
  const PackLayout layout = config_.layout();
  const int64_t prefix = first == 0 ? layout.prefix : 0;
  if (outputs == OutputPacks::all || packs == 1) return {{prefix, packs * layout.pack()}};
  const RowRange newest = {prefix + (packs - 1) * layout.pack(), layout.pack()};
  if (first > 0 || !nova->video_encoder->mixer) return {newest};
  return {{prefix, layout.frame}, newest};
}

Conditions PhysGenModelImpl::append(const PackInputs& inputs, const TextFeatures& text, int64_t first,
                                    std::vector<KvCache>& caches, at::Tensor& anchor, OutputPacks outputs) {
  const int64_t packs = inputs.latents.size(1);
  at::Tensor x = embed(inputs, text, first);
  at::Tensor rows =
      nova->video_encoder->encode(x, mask_rows(first, packs, x.options()), rotary(first, packs, x.options()), caches,
                                  output_rows(first, packs, outputs));
  return split(rows, outputs == OutputPacks::all ? packs : 1, anchor, first == 0);
}

std::vector<Conditions> PhysGenModelImpl::append(std::vector<WindowGroup>& groups) {
  std::vector<at::Tensor> rows;
  std::vector<TokenGroup> tokens;
  for (const WindowGroup& group : groups) {
    const int64_t packs = group.inputs.latents.size(1);
    const at::Tensor x = embed(group.inputs, group.text, group.first);  // [B, L, C]
    tokens.push_back({x.size(0), x.size(1), mask_rows(group.first, packs, x.options()),
                      rotary(group.first, packs, x.options()), group.caches,
                      output_rows(group.first, packs, group.outputs)});
    rows.push_back(x.flatten(0, 1));
  }
  const at::Tensor outputs = nova->video_encoder->encode(at::cat(rows), tokens);
  std::vector<Conditions> conditions;
  int64_t start = 0;
  for (size_t i = 0; i < groups.size(); ++i) {
    const int64_t packs = groups[i].outputs == OutputPacks::all ? groups[i].inputs.latents.size(1) : 1;
    const int64_t count = count_of(tokens[i].outputs);
    const at::Tensor own = outputs.narrow(0, start, tokens[i].windows * count).unflatten(0, {tokens[i].windows, count});
    conditions.push_back(split(own, packs, groups[i].anchor, groups[i].first == 0));
    start += tokens[i].windows * count;
  }
  return conditions;
}

Conditions PhysGenModelImpl::forward(const PackInputs& inputs, const TextFeatures& text) {
  std::vector<KvCache> no_caches;
  at::Tensor anchor;
  return append(inputs, text, 0, no_caches, anchor);
}

// @param rows  as `output_rows` says: the packs are the last of them  @param begins  pack 0 is taken up
Conditions PhysGenModelImpl::split(const at::Tensor& rows, int64_t packs, at::Tensor& anchor, bool begins) const {
  const PackLayout layout = config_.layout();
  const int64_t count = packs * layout.pack();
  const at::Tensor tokens = rows.narrow(1, rows.size(1) - count, count).unflatten(1, {packs, -1});
  const at::Tensor frames = tokens.narrow(2, 0, layout.frame);  // [B, P, M, C]
  const at::Tensor others = tokens.narrow(2, layout.frame, layout.pack() - layout.frame);
  if (!nova->video_encoder->mixer) return {frames, others};
  if (begins) {
    const at::Tensor first = rows.narrow(1, 0, layout.frame);
    anchor = anchor.defined() ? anchor.copy_(first) : first;
  }
  const bool holds_first = begins && rows.size(1) == count;  // which is not mixed
  const at::Tensor later = holds_first ? frames.narrow(1, 1, packs - 1) : frames;
  const at::Tensor mixed = nova->video_encoder->mix(anchor.unsqueeze(1), later);
  return {holds_first ? at::cat({anchor.unsqueeze(1), mixed}, 1) : mixed, others};
}

std::vector<KvCache> PhysGenModelImpl::make_caches(int64_t batch) const {
  return nova->make_caches(batch, config_.layout().length(config_.packs));
}

at::Tensor PhysGenModelImpl::head_condition(const Conditions& conditions) const {
  if (config_.head.condition == HeadCondition::pack) return at::cat({conditions.frames, conditions.others}, 2);
  const int64_t state = config_.layout().state;
  return conditions.others.narrow(2, state, config_.codec.chunk);
}

void prepare_training(PhysGenModel& model, TrainMode mode, int64_t lora_rank, double lora_alpha) {
  for (at::Tensor& parameter : model->parameters()) parameter.requires_grad_(true);
  if (mode == TrainMode::full) return;
  for (at::Tensor& parameter : model->nova->parameters()) parameter.requires_grad_(false);
  if (mode == TrainMode::heads) return;
  for (VisionTransformer encoder : {model->nova->video_encoder, model->nova->image_encoder}) {
    for_each_linear(*encoder, [&](const std::string& name, LoraLinearImpl& linear) {
      if (takes_adapter(name)) linear.attach_adapter(lora_rank, lora_alpha);
    });
  }
}

void merge_adapters(PhysGenModel& model) {
  for_each_linear(*model, [](const std::string&, LoraLinearImpl& linear) { linear.merge_adapter(); });
}

std::vector<std::string> int8_layers(const PhysGenModel& model) {
  std::vector<std::string> names;
  for_each_int8_layer(model, [&](const std::string& name, LoraLinearImpl&) { names.push_back(name); });
  return names;
}

void quantize_layers(PhysGenModel& model, const LayerScales& scales) {
  for_each_int8_layer(model, [&](const std::string& name, LoraLinearImpl& linear) {
    const auto scale = scales.find(name);
    linear.quantize(scale == scales.end() ? std::nullopt : std::optional(scale->second));
  });
}

void watch_layers(PhysGenModel& model, const LayerWatch& watch) {
  for_each_int8_layer(model, [&](const std::string& name, LoraLinearImpl& linear) { linear.tell(name, watch); });
}

}  // namespace physgen
