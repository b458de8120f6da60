#pragma once

#include <physgen/release/pretrained.h>

namespace physgen {

/// Opens a folder in the layout of NOVA's releases: model_index.json, transformer/, vae/, scheduler/ and where they are
/// there text_encoder/ and tokenizer/; or a folder of NOVA's trainer, which holds transformer/ alone. Whether there is
/// a mixer and of which rank, rotary positions and a motion embedding is read from the tensors, as configs in
/// circulation do not say. Throws ConfigError where the folder is not there or no release, FormatError naming the file
/// for what is damaged, missing, or a part that this library does not run.
PretrainedFiles open_nova_release(const std::filesystem::path& folder);

/// Writes that layout, whole or not at all. Throws Error.
void save_nova_release(const std::filesystem::path& folder, const PretrainedFiles& files);

}  // namespace physgen
