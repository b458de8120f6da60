#include "train/checkpoint_copy.h"

#include <physgen/files/manifest.h>

#include "files/atomic_file.h"

namespace physgen {

void CheckpointCopy::write(const std::filesystem::path& path, bool to_continue) const {
  AtomicDirectory directory(path);
  weights(directory.path());
  if (to_continue && state) save_training_state(directory.path() / kTrainingStateName, *state);
  write_manifest(directory.path(), kind);
  directory.commit();
}

}  // namespace physgen
