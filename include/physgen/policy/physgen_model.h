#pragma once

#include <string>
#include <vector>

#include <physgen/backbone/nova.h>
#include <physgen/codec/physical_token.h>
#include <physgen/policy/action_head.h>
#include <physgen/policy/model_config.h>
#include <physgen/policy/train_mode.h>
#include <physgen/text/byte_encoder.h>
#include <physgen/text/instruction_table.h>

namespace physgen {

/// The inputs of a window of packs: pack p is the frame O_p and the actions A_p that led to it.
struct PackInputs {
  at::Tensor latents;    ///< [B, P, C, h, w] normalised latents of O_0..O_{P-1}
  at::Tensor actions;    ///< [B, P, L, A] normalised A_0..A_{P-1}; A_0 is not read (Begin-of-Action)
  at::Tensor states;     ///< [B, P, S] normalised, or undefined
  int64_t executed = 0;  ///< actions of a chunk that were executed; 0: as the config says
};

/// The packs whose outputs are computed: all that are taken up, or the newest of them.
enum class OutputPacks { all, newest };

/// The transformer's outputs at the packs: at pack n-1 they are Z_n, the conditions of O_n and A_n.
struct Conditions {
  at::Tensor frames;  ///< [B, P, M, C], mixed
  at::Tensor others;  ///< [B, P, state + L, C]
};

/// Windows that take up the same packs, [first, first + P) after those that each of them holds.
struct WindowGroup {
  PackInputs inputs;       ///< of B windows
  TextFeatures text = {};  ///< of B instructions; read for first 0
  int64_t first = 0;
  std::vector<std::vector<KvCache>*> caches = {};  ///< of each window, as of `append`; none: nothing is kept
  at::Tensor anchor = {};                          ///< [B, M, C], as of `append`
  OutputPacks outputs = OutputPacks::all;
};

/// PhysGen (arXiv 2603.00110): the backbone, the codec and the action head. Its weights have no values yet: give them
/// some by `load_policy`, `load_state_dict` or `initialize`.
class PhysGenModelImpl : public torch::nn::Module {
 public:
  explicit PhysGenModelImpl(const ModelConfig& config);

  /// Features of instructions; `kept` [B] bool marks those that are not replaced by the null instruction (undefined:
  /// all).
  TextFeatures encode_text(const std::vector<std::string>& instructions, const at::Tensor& kept = {});

  /// All packs at once, through the causal mask.
  Conditions forward(const PackInputs& inputs, const TextFeatures& text);

  /// As `forward`, for packs [first, first + P) after those in the caches (first 0: empty caches, with the prefix).
  /// From `first` = packs on, the caches must have room: the caller has evicted the oldest pack (rope only).
  /// @param anchor  what the mixer begins with, where there is one: the frame outputs of pack 0 [B, M, C], read for
  ///                first > 0, written for first 0 (in place, where it is defined)
  /// @return of the packs that `outputs` says
  Conditions append(const PackInputs& inputs, const TextFeatures& text, int64_t first, std::vector<KvCache>& caches,
                    at::Tensor& anchor, OutputPacks outputs = OutputPacks::all);

  /// As `append` of each group; what is not attention is computed for the rows of all of them together, and no row is
  /// padded. @return of each group
  std::vector<Conditions> append(std::vector<WindowGroup>& groups);

  /// Empty caches for a window, one a block.
  std::vector<KvCache> make_caches(int64_t batch) const;

  /// What the action head attends to, [B, P, K, C].
  at::Tensor head_condition(const Conditions& conditions) const;

  const ModelConfig& config() const { return config_; }

  Nova nova{nullptr};
  ByteEncoder text_encoder{nullptr};     ///< with bytes only
  InstructionTable text_table{nullptr};  ///< with a table only
  PhysicalToken physical_token{nullptr};
  ActionHead action_head{nullptr};

 private:
  at::Tensor embed(const PackInputs& inputs, const TextFeatures& text, int64_t first);
  std::vector<RowRange> output_rows(int64_t first, int64_t packs, OutputPacks outputs) const;
  Conditions split(const at::Tensor& rows, int64_t packs, at::Tensor& anchor, bool begins) const;
  RotaryTable rotary(int64_t first, int64_t packs, const at::TensorOptions& options) const;
  at::Tensor mask_rows(int64_t first, int64_t packs, const at::TensorOptions& options) const;

  ModelConfig config_;
  at::Tensor mask_;  // of a whole window: a constant, no buffer of the checkpoint
  TableCache tables_;
};
TORCH_MODULE(PhysGenModel);

/// Freezes what `mode` does not train, and nothing else; attaches adapters to qkv, proj, fc1 and fc2 of both encoders
/// in `lora` mode: PolicyConfig::adapter must say the same. For a model without adapters: `merge_adapters` comes
/// before.
void prepare_training(PhysGenModel& model, TrainMode mode, int64_t lora_rank, double lora_alpha);

/// Adds every adapter into the weights that it adapts; PolicyConfig::adapter must say rank 0 from then on.
void merge_adapters(PhysGenModel& model);

/// The layers that can compute in int8: qkv, proj, fc1 and fc2 of the causal transformer, by the names of their
/// modules.
std::vector<std::string> int8_layers(const PhysGenModel& model);
/// Lets those that have a scale compute in int8 from now on, and no others; adapters are merged before.
void quantize_layers(PhysGenModel& model, const LayerScales& scales);
/// Tells `watch` of what they compute from now on.
void watch_layers(PhysGenModel& model, const LayerWatch& watch);

}  // namespace physgen
