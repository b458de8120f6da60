#include "train/training_state.h"

#include <charconv>
#include <map>
#include <string>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "files/safetensors.h"
#include "train/host_copy.h"

namespace physgen {
namespace {

using Metadata = std::map<std::string, std::string>;

const std::string kParameter = "parameter.";
const std::string kOptimizer = "optimizer.";

void append_copies(NamedTensors& all, const std::string& prefix, const NamedTensors& tensors) {
  for (const auto& [name, tensor] : tensors) all.emplace_back(prefix + name, host_copy(tensor));
}

template <class Number>
std::string text_of(Number value) {
  char text[64];
  return {text, std::to_chars(std::begin(text), std::end(text), value).ptr};
}

template <class Number>
void read_number(const Metadata& metadata, const std::string& key, const std::string& where, Number& value) {
  const auto found = metadata.find(key);
  const std::string text = found == metadata.end() ? "" : found->second;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec == std::errc() && end.ptr == text.data() + text.size() && !text.empty()) return;
  throw FormatError({.what = "a training state lacks a number",
                     .where = where + ": " + key,
                     .got = "'" + text + "'",
                     .expected = "a number in the file's metadata"});
}

}  // namespace

TrainingState training_state(const AdamW& optimizer, const TrainingProgress& progress) {
  TrainingState state{.tensors = {}, .progress = progress};
  append_copies(state.tensors, kParameter, tensors_of(optimizer.parameters()));
  append_copies(state.tensors, kOptimizer, optimizer.state());
  return state;
}

void save_training_state(const std::filesystem::path& file, const TrainingState& state) {
  const TrainingProgress& progress = state.progress;
  save_tensors(file.string(), state.tensors,
               {{"step", text_of(progress.step)},
                {"best_score", text_of(progress.best_score)},
                {"skipped_in_a_row", text_of(progress.skipped_in_a_row)}});
}

TrainingProgress load_training_state(const std::filesystem::path& file, AdamW& optimizer) {
  const at::NoGradGuard no_gradient;
  const std::string where = file.string();
  const Metadata metadata = SafetensorsFile::open(file).metadata();
  TrainingProgress progress;
  read_number(metadata, "step", where, progress.step);
  read_number(metadata, "best_score", where, progress.best_score);
  read_number(metadata, "skipped_in_a_row", where, progress.skipped_in_a_row);
  const NamedTensors tensors = load_tensors(where);
  optimizer.load_state(with_prefix(tensors, kOptimizer), where);
  copy_tensors(tensors_of(optimizer.parameters()), with_prefix(tensors, kParameter), where);
  return progress;
}

}  // namespace physgen
