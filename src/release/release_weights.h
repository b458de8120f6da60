#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <physgen/layers/state_dict.h>

namespace physgen {

/// The tensors of one part of a release.
struct ReleaseWeights {
  NamedTensors tensors;
  std::filesystem::path file;  ///< that they come from; of shards, their index
};

/// What to read, and what to call it in notes.
struct ReleasePart {
  std::filesystem::path folder;
  std::string name;                        ///< of the file, without its ending
  std::string part;                        ///< "transformer"
  std::vector<std::string> wrappers = {};  ///< what may stand before the names of all tensors, besides the usual
};

/// Loads a part from a safetensors file, its shards or a PyTorch archive. Of a trainer's checkpoint it takes the state
/// dict (TorchArchive says which); an EMA copy beside the weights is left out, and what DistributedDataParallel,
/// torch.compile and the like put before the names of all tensors. Each of these is a note. Throws FormatError.
ReleaseWeights load_weights(const ReleasePart& part, std::vector<std::string>& notes);

/// Older files of the VAE call its attention by other names.
void rename_attention(ReleaseWeights& weights);

/// Takes the prefix "model." from the names of Phi's tensors, and leaves out `lm_head`, which an encoder does not use.
/// Throws FormatError where other tensors are there.
void take_encoder(ReleaseWeights& weights);

}  // namespace physgen
