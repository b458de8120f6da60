#pragma once

#include <filesystem>

namespace physgen {

/// Whether a file of some format may be a zip archive: PyTorch's are.
enum class Zip { refused, accepted };

/// Throws FormatError for a file that stands in for another, before a reader calls it damaged: a Git-LFS pointer, a web
/// page, an empty file, an archive. Says nothing of one that is missing or cannot be opened.
void refuse_foreign_file(const std::filesystem::path& path, Zip zip = Zip::refused);

}  // namespace physgen
