#include <torch/torch.h>

#include <filesystem>

#include <physgen/media/image.h>
#include <physgen/policy/policy_checkpoint.h>

#include "support/tiny_model.h"

namespace physgen {
namespace {

Image gradient() {
  Image image{.height = 24, .width = 32, .pixels = {}};
  for (int64_t i = 0; i < image.height * image.width * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i % 251));
  return image;
}

void make(const std::filesystem::path& folder) {
  PolicyConfig config = tiny_policy_config();
  config.actions = {.low = {-1, -2, 10}, .high = {1, 2, 20}};  // the third is told apart by its range
  const PhysGenModel model = make_model(config.model);
  CausalVae vae(config.vae);
  initialize(*vae, generator(2));
  save_policy(folder / "policy", config, state_dict(*model), state_dict(*vae));
  write_png((folder / "frame.png").string(), gradient());
}

}  // namespace
}  // namespace physgen

// make_checkpoint FOLDER writes FOLDER/policy, a tiny policy of random weights, and FOLDER/frame.png.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  physgen::make(argv[1]);
  return 0;
}
