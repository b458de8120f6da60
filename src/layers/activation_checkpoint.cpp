#include "layers/activation_checkpoint.h"

#include <ATen/autocast_mode.h>

#include <torch/torch.h>

namespace physgen {
namespace {

using Layer = std::function<at::Tensor(const at::Tensor&)>;
namespace autograd = torch::autograd;

// Autocast is a state of the thread: the second run needs that of the first.
class AutocastState {
 public:
  explicit AutocastState(at::DeviceType type)
      : type_(type),
        enabled_(at::autocast::is_autocast_enabled(type)),
        dtype_(at::autocast::get_autocast_dtype(type)) {}
  void restore() const {
    at::autocast::set_autocast_enabled(type_, enabled_);
    at::autocast::set_autocast_dtype(type_, dtype_);
  }

 private:
  at::DeviceType type_;
  bool enabled_;
  at::ScalarType dtype_;
};

struct Recompute : autograd::Function<Recompute> {
  // `anchor` requires a gradient, so that the backward pass comes here also when x does not.
  static at::Tensor forward(autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& /*anchor*/,
                            const Layer& function) {
    context->save_for_backward({x});
    context->saved_data["needs_gradient"] = x.requires_grad();
    const AutocastState state(x.device().type());
    context->saved_data["run"] = c10::IValue::make_capsule(c10::make_intrusive<Run>(function, state));
    return function(x);
  }

  static autograd::variable_list backward(autograd::AutogradContext* context, autograd::variable_list gradients) {
    auto run = c10::static_intrusive_pointer_cast<Run>(context->saved_data["run"].toCapsule());
    at::Tensor x = context->get_saved_variables()[0].detach();
    x.requires_grad_(context->saved_data["needs_gradient"].toBool());
    const AutocastState outer(x.device().type());
    run->state.restore();
    at::Tensor y;
    {
      at::AutoGradMode with_gradients(true);
      y = run->function(x);
    }
    outer.restore();
    autograd::backward({y}, {gradients[0]});
    return {x.grad(), at::Tensor(), at::Tensor()};
  }

  struct Run : torch::CustomClassHolder {
    Run(Layer f, AutocastState s) : function(std::move(f)), state(s) {}
    Layer function;
    AutocastState state;
  };
};

}  // namespace

at::Tensor run_checkpointed(const Layer& function, const at::Tensor& x) {
  if (!at::GradMode::is_enabled()) return function(x);
  at::Tensor anchor = at::empty({0}, x.options().dtype(at::kFloat)).requires_grad_();
  return Recompute::apply(x, anchor, function);
}

}  // namespace physgen
