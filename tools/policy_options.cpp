#include "policy_options.h"

#include <filesystem>
#include <fstream>

#include <physgen/core/error.h>
#include <physgen/files/manifest.h>

namespace physgen {

void add_batch_options(CLI::App& command, bool& batch, RoundBatcherOptions& batcher, const std::string& what) {
  CLI::Option* flag = command.add_flag("--batch", batch, what);
  command
      .add_option("--batch-wait", batcher.wait_milliseconds,
                  "Milliseconds that a round waits at most for those of others")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 60'000.0))
      ->needs(flag);
}

PolicyDescription describe(const Policy& policy, const std::string& checkpoint, int64_t execute) {
  if (execute == 0) execute = policy.execute();
  if (execute > policy.chunk_length()) {
    throw ConfigError({.what = "the policy predicts fewer actions than are to be executed",
                       .where = "--execute",
                       .got = std::to_string(execute),
                       .expected = "at most " + std::to_string(policy.chunk_length())});
  }
  const std::filesystem::path manifest = std::filesystem::path(checkpoint) / kManifestName;
  return {.checkpoint_sha256 = std::filesystem::exists(manifest) ? sha256_of_file(manifest) : std::string(),
          .data_sha256 = policy.data_sha256(),
          .cameras = policy.cameras(),
          .frame_height = policy.frame_height(),
          .control_mode = policy.control_mode(),
          .control_rate = policy.control_rate(),
          .action_width = policy.action_width(),
          .chunk_length = policy.chunk_length(),
          .execute = execute,
          .state_width = policy.state_width(),
          .instruction = policy.instruction(),
          .seeds_tried = policy.seeds_tried()};
}

std::string token_in(const std::string& file) {
  std::ifstream stream(file);
  std::string token;
  stream >> token;
  if (!token.empty()) return token;
  throw ConfigError({.what = "the token cannot be read",
                     .where = "--token-file " + file,
                     .got = stream.is_open() ? "an empty file" : "no such file",
                     .expected = "a file with one word",
                     .next_step = "openssl rand -hex 32 > FILE makes a token"});
}

}  // namespace physgen
