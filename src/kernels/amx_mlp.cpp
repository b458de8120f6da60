#include "kernels/amx_mlp.h"

#include <ATen/TensorOperators.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/amx_tasks.h"

namespace physgen {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kHiddenColumns = 128;  // at a time on the way back

void activate(const AmxBiased& work, Activation activation) {
  activation == Activation::gelu ? add_bias_gelu(work) : add_bias_silu(work);
}

void differentiate(const AmxActivationGradient& work, Activation activation) {
  activation == Activation::gelu ? differentiate_gelu(work) : differentiate_silu(work);
}

at::Tensor forward_rows(const at::Tensor& x, const MlpWeights& mlp, Activation activation) {
  const int64_t hidden = mlp.first.size(0), out = mlp.second.size(0);
  const at::Tensor y = at::empty({x.size(0), out}, x.options());
  const AmxWeights first(mlp.first, AmxWeights::Way::forward), second(mlp.second, AmxWeights::Way::forward);
  const AmxTaskRows x_rows(x);
  for_each_amx_part(x.size(0), [&](const AmxPart& part) {
    const AmxBuffer<float> sums(2 * kAmxRowsPanel);
    const AmxBuffer<Bfloat16Bits> inner(kAmxRows * hidden);
    for (int64_t task = part.first; task < part.last; ++task) {
      const AmxRows rows = x_rows.of(task);
      for (int64_t column = 0; column < hidden; column += kAmxStep) {
        multiply_columns(rows, first, column, sums.get());
        const float* bias = numbers<float>(mlp.first_bias) + column;
        activate({sums.get(), bias, inner.get() + column, rows.rows, hidden}, activation);
      }
      multiply_rows({inner.get(), hidden, rows.rows, hidden}, second, numbers<float>(mlp.second_bias),
                    x_rows.count(task), out, block_of<Bfloat16Bits>(y, task, kAmxRows * out), sums.get());
    }
  });
  return y;
}

// Of x, and of the weights with a sum for each part of the rows; undefined where those are not asked for.
struct Gradients {
  at::Tensor x, first, first_bias, second, second_bias;  // first: [parts, in, hidden], transposed
};

Gradients make_gradients(const at::Tensor& x, const MlpWeights& mlp, bool of_weights) {
  Gradients made;
  made.x = at::empty_like(x);
  const int64_t parts = count_amx_parts(x.size(0)), hidden = mlp.first.size(0), out = mlp.second.size(0);
  const auto options = x.options().dtype(at::kFloat);
  made.first_bias = at::zeros({parts, hidden}, options);
  made.second_bias = at::zeros({parts, out}, options);
  if (!of_weights) return made;
  made.first = at::empty({parts, x.size(1), hidden}, options);
  made.second = at::empty({parts, out, hidden}, options);
  return made;
}

struct BackwardWeights {
  explicit BackwardWeights(const MlpWeights& mlp)
      : first(mlp.first, AmxWeights::Way::forward),
        first_back(mlp.first, AmxWeights::Way::back),
        second_back(mlp.second, AmxWeights::Way::back),
        bias(numbers<float>(mlp.first_bias)) {}

  AmxWeights first, first_back, second_back;
  const float* bias;
};

// The way back of one part's rows, `kHiddenColumns` at a time.
class BackwardPart {
 public:
  BackwardPart(const AmxTaskRows& x, const AmxTaskRows& dy, const BackwardWeights& weights, Activation activation,
               const Gradients& gradients)
      : x_rows_(x),
        dy_rows_(dy),
        weights_(weights),
        activation_(activation),
        to_(gradients),
        in_(x.width()),
        out_(dy.width()),
        hidden_(weights.first_back.depth()) {}

  void run(const AmxPart& part) const {
    for (int64_t task = part.first; task < part.last; ++task) {
      const AmxRows x = x_rows_.of(task), dy = dy_rows_.of(task);
      pack_transposed(x, x_transposed_.get());
      pack_transposed(dy, dy_transposed_.get());
      for (int64_t start = 0; start < hidden_; start += kHiddenColumns) {
        const int64_t columns = std::min(kHiddenColumns, hidden_ - start);
        differentiate_columns(x, dy, start, columns, block_of<float>(to_.first_bias, part.index, hidden_) + start);
        if (to_.first.defined()) add_to_weights(x.rows, start, columns, part.index, task > part.first);
        multiply({sum_rows_.get(), kHiddenColumns, weights_.first_back.at(0, start), weights_.first_back.panel(),
                  dx_sums_.get(), kAmxPanel, kAmxRowsPanel, x.rows, in_, columns, start > 0});
      }
      add_rows(dy.x, dy.rows, out_, block_of<float>(to_.second_bias, part.index, out_));
      write_dx(task);
    }
  }

 private:
  void differentiate_columns(const AmxRows& x, const AmxRows& dy, int64_t start, int64_t columns,
                             float* bias_gradient) const {
    for (int64_t i = 0; i < columns; i += kAmxStep) {
      multiply_columns(x, weights_.first, start + i, sums_.get());
      multiply_columns(dy, weights_.second_back, start + i, gradient_.get());
      const int64_t panel = i / kAmxPanel * kAmxRowsPanel;
      differentiate({sums_.get(), gradient_.get(), weights_.bias + start + i, y_pairs_.get() + panel,
                     sum_pairs_.get() + panel, sum_rows_.get() + i, bias_gradient + i, x.rows, kHiddenColumns},
                    activation_);
    }
  }

  void add_to_weights(int64_t rows, int64_t start, int64_t columns, int64_t part, bool adds) const {
    float *const first = block_of<float>(to_.first, part, in_ * hidden_) + start, *const second =
                                                                                      block_of<float>(to_.second, part,
                                                                                                      out_ * hidden_) +
                                                                                      start;
    multiply({x_transposed_.get(), rows, sum_pairs_.get(), kAmxRowsPanel, first, hidden_, kAmxPanel, in_, columns, rows,
              adds});
    multiply({dy_transposed_.get(), rows, y_pairs_.get(), kAmxRowsPanel, second, hidden_, kAmxPanel, out_, columns,
              rows, adds});
  }

  void write_dx(int64_t task) const {
    Bfloat16Bits* const dx = block_of<Bfloat16Bits>(to_.x, task, kAmxRows * in_);
    for (int64_t i = 0; i < in_; i += kAmxStep) {
      add_bias({dx_sums_.get() + i / kAmxPanel * kAmxRowsPanel, nullptr, dx + i, x_rows_.count(task), in_});
    }
  }

  const AmxTaskRows &x_rows_, &dy_rows_;
  const BackwardWeights& weights_;
  Activation activation_;
  const Gradients& to_;
  int64_t in_, out_, hidden_;
  AmxBuffer<Bfloat16Bits> x_transposed_{kAmxRows * in_}, dy_transposed_{kAmxRows * out_};
  AmxBuffer<Bfloat16Bits> y_pairs_{kAmxRows * kHiddenColumns}, sum_pairs_{kAmxRows * kHiddenColumns},
      sum_rows_{kAmxRows * kHiddenColumns};
  AmxBuffer<float> sums_{2 * kAmxRowsPanel}, gradient_{2 * kAmxRowsPanel}, dx_sums_{kAmxRows * in_};
};

struct AmxMlp : torch::autograd::Function<AmxMlp> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& first,
                            const at::Tensor& first_bias, const at::Tensor& second, const at::Tensor& second_bias,
                            bool gelu) {
    context->save_for_backward({x, first, first_bias, second, second_bias});
    context->saved_data["gelu"] = gelu;
    return forward_rows(x, {first, first_bias, second, second_bias}, gelu ? Activation::gelu : Activation::silu);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], dy = gradients[0].contiguous();
    const MlpWeights mlp{saved[1], saved[2], saved[3], saved[4]};
    const Activation activation = context->saved_data["gelu"].toBool() ? Activation::gelu : Activation::silu;
    const bool of_weights = context->needs_input_grad(1) || context->needs_input_grad(3);
    const Gradients made = make_gradients(x, mlp, of_weights);
    const BackwardWeights weights(mlp);
    const AmxTaskRows x_rows(x), dy_rows(dy);
    for_each_amx_part(x.size(0),
                      [&](const AmxPart& part) { BackwardPart(x_rows, dy_rows, weights, activation, made).run(part); });
    const at::Tensor none;
    return {made.x,
            of_weights ? made.first.sum(0).t() : none,
            made.first_bias.sum(0),
            of_weights ? made.second.sum(0) : none,
            made.second_bias.sum(0),
            none};
  }
};

}  // namespace

at::Tensor amx_mlp(const at::Tensor& x, const MlpWeights& mlp, Activation activation) {
  const at::Tensor rows = x.reshape({-1, x.size(-1)}).to(at::kBFloat16).contiguous();
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = mlp.second.size(0);
  return AmxMlp::apply(rows, mlp.first, mlp.first_bias.contiguous(), mlp.second, mlp.second_bias.contiguous(),
                       activation == Activation::gelu)
      .view(sizes);
}

}  // namespace physgen
