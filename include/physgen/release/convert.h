#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace physgen {

/// A part of a pretrained backbone as its files hold it.
struct PretrainedPart {
  std::string name;  ///< "transformer", "vae" or "text_encoder"
  int64_t tensors = 0;
  int64_t parameters = 0;
  std::string dtype = {};  ///< "float16", …, "mixed"
};

/// What a pretrained backbone is.
struct PretrainedSummary {
  std::vector<PretrainedPart> parts;
  std::vector<std::string> notes;  ///< what the tensors say otherwise than the configs beside them
  std::string config;              ///< config.json of this project's format
};

/// Says what would be loaded, having checked every name and shape. Throws as `open_pretrained` and `load_pretrained`
/// do.
/// @param name  "nova:DIR" for a release of NOVA, else a folder of this project's format
PretrainedSummary describe_pretrained(const std::string& name);

/// Rewrites a pretrained backbone in the other layout, or in another dtype; whole or not at all. What stands at `to` is
/// never replaced. A model that NOVA's configs cannot tell (such as one with another `rope_theta`) is refused there.
/// @param from, to   "nova:DIR" for the layout of NOVA's releases, else a folder of this project's format
/// @param dtype      "float32", "float16", "bfloat16", or "" to keep that of each tensor
/// @param parts_of   where parts come from that `from` lacks, as a folder of NOVA's trainer does; or ""
/// Throws ConfigError, FormatError, and Error where the disk refuses.
PretrainedSummary convert_pretrained(const std::string& from, const std::string& to, const std::string& dtype,
                                     const std::string& parts_of);

}  // namespace physgen
