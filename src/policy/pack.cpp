#include "policy/pack.h"

#include <torch/torch.h>

namespace physgen {
namespace {

at::Tensor room_for(int64_t count, const at::Tensor& one) {
  std::vector<int64_t> shape = one.sizes().vec();
  shape.insert(shape.begin(), count);
  return at::zeros(shape, one.options());
}

}  // namespace

void PackWindow::make_room() {
  slides_ = size_ == capacity_;
  if (slides_) size_ -= leaving_;
  ++size_;
}

void PackWindow::put(const Pack& pack) {
  const std::pair<at::Tensor*, const at::Tensor*> parts[] = {
      {&latents_, &pack.latent}, {&actions_, &pack.actions}, {&states_, &pack.state}};
  for (const auto& [held, given] : parts) {
    if (!given->defined()) continue;
    if (!held->defined()) *held = room_for(capacity_, *given);
    if (slides_) held->narrow(0, 0, size_ - 1).copy_(held->narrow(0, leaving_, size_ - 1).clone());
    held->select(0, size_ - 1).copy_(*given);
  }
}

bool PackWindow::add(const Pack& pack) {
  make_room();
  put(pack);
  return slides_;
}

PackInputs PackWindow::inputs(int64_t first) const {
  const auto part = [&](const at::Tensor& held) { return held.narrow(0, first, size_ - first).unsqueeze(0); };
  PackInputs inputs{part(latents_), part(actions_), {}, executed_};
  if (states_.defined()) inputs.states = part(states_);
  return inputs;
}

at::Tensor tensor_of(const Matrix& rows) {
  return at::from_blob(const_cast<float*>(rows.data()), {rows.rows(), rows.cols()}, at::kFloat).clone();
}

}  // namespace physgen
