#include "policy/pack.h"

#include <torch/torch.h>

namespace physgen {

PackInputs stacked(const std::vector<Pack>& packs, int64_t executed) {
  std::vector<at::Tensor> latents, actions, states;
  for (const Pack& pack : packs) {
    latents.push_back(pack.latent);
    actions.push_back(pack.actions);
    if (pack.state.defined()) states.push_back(pack.state);
  }
  PackInputs inputs{at::stack(latents).unsqueeze(0), at::stack(actions).unsqueeze(0), {}, executed};
  if (!states.empty()) inputs.states = at::stack(states).unsqueeze(0);
  return inputs;
}

at::Tensor tensor_of(const Matrix& rows) {
  return at::from_blob(const_cast<float*>(rows.data()), {rows.rows(), rows.cols()}, at::kFloat).clone();
}

}  // namespace physgen
