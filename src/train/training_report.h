#pragma once

#include <filesystem>
#include <string>

namespace physgen {

/// Whether a folder is that of a training run: of a policy or a VAE.
bool holds_training(const std::filesystem::path& folder);

/// A page on a training run as far as it has come, from what its folder holds: losses, held-out errors, those of each
/// action dimension, speed and waiting, reconstructions, the command, the job and the hash of the best checkpoint. It
/// needs no network, holds no script, and lies in the run's folder, whose pictures it shows. Throws FormatError where
/// metrics.jsonl or job.json is damaged.
std::string training_report(const std::filesystem::path& folder);

}  // namespace physgen
