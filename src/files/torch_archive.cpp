#include "files/torch_archive.h"

#include <utility>

#include "core/foreign_file.h"
#include "files/archived_tensors.h"
#include "files/mapped_file.h"

namespace physgen {

TorchArchive TorchArchive::open(const std::filesystem::path& path) {
  TorchArchive archive;
  archive.path_ = path;
  refuse_foreign_file(path, Zip::accepted);
  MappedFile mapped = map_file(path, "PyTorch archive", 1);
  archive.mapping_ = std::move(mapped.keep_alive);
  ArchivedTensors found = read_archived_tensors(mapped.bytes, path.string());
  archive.entries_ = std::move(found.tensors);
  archive.note_ = std::move(found.note);
  for (size_t i = 0; i < archive.entries_.size(); ++i) archive.index_[archive.entries_[i].name] = i;
  return archive;
}

const TensorEntry* TorchArchive::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

}  // namespace physgen
