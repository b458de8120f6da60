#include "release/release_weights.h"

#include <algorithm>
#include <map>
#include <set>

#include <torch/torch.h>

#include <physgen/core/error.h>

#include "core/json_file.h"
#include "core/quote.h"
#include "files/checkpoint_dict.h"
#include "release/release_config.h"

namespace physgen {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_missing(const fs::path& folder, const std::string& name) {
  throw FormatError({.what = "a release lacks its weights",
                     .where = folder.string(),
                     .got = "no such file",
                     .expected = name + ".safetensors, its .index.json with shards, or .bin",
                     .next_step = "download the whole release"});
}

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

// The tensors of every shard that an index names; each must lie where the index says.
NamedTensors load_shards(const fs::path& index) {
  const JsonView json = read_json_file(index, kReleaseWords);
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [tensor, shard] : json.at("weight_map").members()) {
    if (!is_plain_name(shard.text())) shard.refuse("a file name");
    shards[shard.text()].emplace(tensor);
  }
  NamedTensors tensors;
  for (const auto& [shard, names] : shards) {
    const fs::path file = index.parent_path() / shard;
    if (!fs::exists(file)) {
      throw FormatError(
          {.what = "a shard of the weights is missing",
           .where = file.string(),
           .expected = std::to_string(names.size()) + " tensors, as " + index.filename().string() + " says",
           .next_step = "download the whole release"});
    }
    NamedTensors found = load_tensors(file.string());
    std::set<std::string> there;
    for (const auto& [name, tensor] : found) there.insert(name);
    if (there != names) {
      throw FormatError({.what = "a shard holds other tensors than the index says",
                         .where = file.string(),
                         .got = std::to_string(there.size()) + " tensors",
                         .expected = std::to_string(names.size()) + " of " + index.filename().string()});
    }
    tensors.insert(tensors.end(), found.begin(), found.end());
  }
  return tensors;
}

ReleaseWeights load_files(const ReleasePart& part, std::vector<std::string>& notes) {
  for (const std::string& whole : {part.name + ".safetensors", std::string("pytorch_model.bin"), part.name + ".bin"}) {
    const fs::path file = part.folder / whole;
    if (!fs::exists(file)) continue;
    std::string note;
    ReleaseWeights weights{load_tensors(file.string(), note), file};
    if (!note.empty()) notes.push_back("the weights of the " + part.part + " are " + note);
    return weights;
  }
  const fs::path index = part.folder / (part.name + ".safetensors.index.json");
  if (!fs::exists(index)) refuse_missing(part.folder, part.name);
  return {load_shards(index), index};
}

std::string first_part(const std::string& name) { return name.substr(0, name.find('.')); }

bool is_of_average(const NamedTensors::value_type& item) {
  return item.first.find('.') != std::string::npos && is_average_name(first_part(item.first));
}

// "model_ema.…" beside "model.…".
void leave_out_average(NamedTensors& tensors, const std::string& part, std::vector<std::string>& notes) {
  const auto found = std::ranges::find_if(tensors, is_of_average);
  if (found == tensors.end() || std::ranges::all_of(tensors, is_of_average)) return;
  const std::string name = first_part(found->first) + ".";
  const size_t count = std::erase_if(tensors, is_of_average);
  notes.push_back(std::to_string(count) + " tensors of the " + part + " begin with " + quote(name) +
                  " or the like, an EMA copy, and are not taken");
}

// torch.optim.swa_utils.AveragedModel counts what it averages.
void leave_out_count(NamedTensors& tensors, const std::string& part, std::vector<std::string>& notes) {
  const auto is_count = [](const auto& item) { return item.first == "n_averaged"; };
  const auto of_average = [&](const auto& item) { return is_count(item) || item.first.starts_with("module."); };
  if (tensors.size() < 2 || !std::ranges::all_of(tensors, of_average)) return;
  if (std::erase_if(tensors, is_count) == 0) return;
  notes.push_back("the tensors of the " + part + " are those of an AveragedModel, whose \"n_averaged\" is left out");
}

// The tensors without what a trainer's wrappers put before the names of all of them: DistributedDataParallel's
// "module.", torch.compile's "_orig_mod.", and whatever else is given.
NamedTensors unwrapped(NamedTensors tensors, const ReleasePart& part, std::vector<std::string>& notes) {
  std::vector<std::string> wrappers = part.wrappers;
  wrappers.insert(wrappers.end(), {"module.", "_orig_mod.", "state_dict."});
  if (!tensors.empty() && is_of_average(tensors[0])) wrappers.push_back(first_part(tensors[0].first) + ".");
  const auto shared = [&](const std::string& wrapper) {
    return !tensors.empty() &&
           std::ranges::all_of(tensors, [&](const auto& item) { return item.first.starts_with(wrapper); });
  };
  for (auto found = std::ranges::find_if(wrappers, shared); found != wrappers.end();
       found = std::ranges::find_if(wrappers, shared)) {
    notes.push_back("the tensors of the " + part.part + " all begin with " + quote(*found) + ", which is left out");
    tensors = with_prefix(tensors, *found);
  }
  return tensors;
}

// What stands for those of Phi that are missing.
[[noreturn]] void refuse_encoder(const std::vector<std::string>& unexpected, const fs::path& file) {
  throw FormatError({.what = "the text encoder is of another model",
                     .where = file.string(),
                     .got = first_differences({.missing = {"model.embed_tokens.weight"}, .unexpected = unexpected}),
                     .expected = "Phi's: model.embed_tokens.weight, model.layers.0.…",
                     .next_step = "take text_encoder/ from the release"});
}

}  // namespace

ReleaseWeights load_weights(const ReleasePart& part, std::vector<std::string>& notes) {
  ReleaseWeights weights = load_files(part, notes);
  leave_out_average(weights.tensors, part.part, notes);
  leave_out_count(weights.tensors, part.part, notes);
  weights.tensors = unwrapped(std::move(weights.tensors), part, notes);
  return weights;
}

void rename_attention(ReleaseWeights& weights) {
  static const std::pair<std::string, std::string> names[] = {
      {".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}};
  for (auto& [name, tensor] : weights.tensors) {
    for (const auto& [old_name, new_name] : names) {
      const size_t at = name.find(old_name);
      if (at != std::string::npos) name.replace(at, old_name.size(), new_name);
    }
  }
}

void take_encoder(ReleaseWeights& weights) {
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : weights.tensors) {
    if (!name.starts_with("model.") && !name.starts_with("lm_head.")) unexpected.push_back(name);
  }
  if (!unexpected.empty()) refuse_encoder(unexpected, weights.file);
  weights.tensors = with_prefix(weights.tensors, "model.");
}

}  // namespace physgen
