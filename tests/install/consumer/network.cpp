#include <torch/optim/adam.h>

#include <exception>
#include <iostream>

#include <physgen/core/error.h>
#include <physgen/torch.h>

namespace {

// Three windows of random frames and actions, shaped as the policy's.
physgen::WindowBatch random_batch(const physgen::ModelConfig& model) {
  const int64_t windows = 3, packs = model.packs, chunks = packs + model.head.chunks - 1;
  const int64_t length = model.codec.chunk, width = model.codec.action_width;
  const auto& frame = model.backbone;
  return {.latents = at::randn({windows, packs + 1, frame.latent_channels, frame.latent_height, frame.latent_width}),
          .input_latents = {},
          .frame_valid = at::ones({windows, packs + 1}, at::kBool),
          .actions = at::rand({windows, chunks, length, width}) * 2 - 1,
          .action_valid = at::ones({windows, chunks, length}, at::kBool),
          .states = model.codec.state_token ? at::randn({windows, packs + 1, model.codec.state_width}) : at::Tensor(),
          .instructions = {"push it", "lift it", "push it"}};
}

double action_loss(physgen::PhysGenModel& model, const physgen::WindowBatch& batch, int64_t step) {
  const physgen::LossConfig config{.observation = false};
  const physgen::LossNoise noise = physgen::draw_loss_noise(model->config(), config, {.count = 3, .step = step});
  at::Tensor loss = physgen::compute_losses(model, batch, noise, config).action();
  loss.backward();
  return loss.item<double>();
}

}  // namespace

// A training loop of one's own: network CHECKPOINT prints the loss on actions before and after 30 steps of Adam.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    physgen::PhysGenModel model = physgen::load_policy(argv[1]).model;
    at::manual_seed(0);
    const physgen::WindowBatch batch = random_batch(model->config());
    torch::optim::Adam adam(model->parameters(), torch::optim::AdamOptions(3e-3));
    for (int64_t step = 0; step <= 30; ++step) {
      adam.zero_grad();
      const double loss = action_loss(model, batch, /*step=*/0);
      if (step % 30 == 0) std::cout << loss << '\n';
      adam.step();
    }
    return 0;
  } catch (const physgen::Error& error) {
    std::cerr << error.what() << '\n';
    return error.exit_code();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
