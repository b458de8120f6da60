#include <torch/torch.h>

#include <filesystem>

#include <physgen/media/image.h>
#include <physgen/policy/policy_checkpoint.h>

#include "support/tiny_model.h"

namespace physgen {
namespace {

/// Two levels: 16 x 16 pixels are the tiny model's 8 x 8 latents.
PolicyConfig tiny_policy_config() {
  PolicyConfig config;
  config.model = tiny_model_config();
  config.vae = {.widths = {8, 8},
                .layers_per_block = 1,
                .decoder_layers_per_block = 1,
                .norm_groups = 4,
                .latent_channels = config.model.backbone.latent_channels,
                .time_taps = 1};
  config.canvas = {.cameras = {"render_camera"}, .height = 16, .width = 16};
  config.control_mode = "pd_joint_pos";
  config.tasks = {"PushCube-v1"};
  config.instructions = {"push it"};
  config.actions = {.low = {-1, -2, 10}, .high = {1, 2, 20}};
  return config;
}

Image gradient() {
  Image image{.height = 24, .width = 32, .pixels = {}};
  for (int64_t i = 0; i < image.height * image.width * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i % 251));
  return image;
}

void make(const std::filesystem::path& folder) {
  const PolicyConfig config = tiny_policy_config();
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
