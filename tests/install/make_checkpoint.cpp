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

void make(const std::filesystem::path& folder, int64_t action_width) {
  PolicyConfig config = tiny_policy_config();
  config.actions = {.low = {-1, -2, 10}, .high = {1, 2, 20}};  // the third is told apart by its range
  config.model.codec.action_width = action_width;
  config.model.backbone.text_slots = config.model.backbone.text_rows = 8;  // room for an instruction of ManiSkill
  config.actions.low.resize(static_cast<size_t>(action_width), -1);
  config.actions.high.resize(static_cast<size_t>(action_width), 1);
  const PhysGenModel model = make_model(config.model);
  CausalVae vae(config.vae);
  initialize(*vae, generator(2));
  save_policy(folder / "policy", config, state_dict(*model), state_dict(*vae));
  write_png((folder / "frame.png").string(), gradient());
}

}  // namespace
}  // namespace physgen

// make_checkpoint FOLDER [WIDTH] writes FOLDER/policy, a tiny policy of random weights and of actions of so many
// numbers, and FOLDER/frame.png.
int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) return 2;
  physgen::make(argv[1], argc == 3 ? std::stoll(argv[2]) : 3);
  return 0;
}
