#include <physgen/policy/window_batch.h>

#include <torch/torch.h>

namespace physgen {

WindowBatch moved(WindowBatch batch, at::Device device) {
  for (at::Tensor* tensor :
       {&batch.latents, &batch.input_latents, &batch.frame_valid, &batch.actions, &batch.action_valid, &batch.states}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return batch;
}

}  // namespace physgen
