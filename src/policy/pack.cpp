#include "policy/pack.h"

#include <torch/torch.h>

namespace physgen {

bool PackWindow::add(Pack pack) {
  const bool is_full = size() == capacity_;
  if (is_full) packs_.erase(packs_.begin());
  packs_.push_back(std::move(pack));
  return is_full;
}

PackInputs PackWindow::stacked(size_t first) const {
  std::vector<at::Tensor> latents, actions, states;
  for (size_t i = first; i < packs_.size(); ++i) {
    latents.push_back(packs_[i].latent);
    actions.push_back(packs_[i].actions);
    if (packs_[i].state.defined()) states.push_back(packs_[i].state);
  }
  PackInputs inputs{at::stack(latents).unsqueeze(0), at::stack(actions).unsqueeze(0), {}, executed_};
  if (!states.empty()) inputs.states = at::stack(states).unsqueeze(0);
  return inputs;
}

at::Tensor tensor_of(const Matrix& rows) {
  return at::from_blob(const_cast<float*>(rows.data()), {rows.rows(), rows.cols()}, at::kFloat).clone();
}

}  // namespace physgen
