#pragma once

#include <string>
#include <vector>

#include <physgen/layers/state_dict.h>
#include <physgen/train/optimizer_config.h>

namespace physgen {

/// A parameter and whether it is pulled to zero.
struct OptimizedParameter {
  std::string name;
  at::Tensor parameter;
  bool decay = true;
};

/// The parameters of a module that require a gradient; those of norms ("norm" in the name) do not decay.
std::vector<OptimizedParameter> optimized_parameters(const torch::nn::Module& module, const std::string& prefix = "");

/// The parameters themselves, by name. Shares memory.
NamedTensors tensors_of(const std::vector<OptimizedParameter>& parameters);

/// AdamW by PyTorch's fused kernel.
class AdamW {
 public:
  AdamW(std::vector<OptimizedParameter> parameters, const OptimizerConfig& config);

  /// One step along the parameters' gradients; a parameter without one stays as it is.
  void step(double learning_rate);
  /// Forgets the gradients.
  void clear_gradients();

  const std::vector<OptimizedParameter>& parameters() const { return parameters_; }
  /// "exp_avg.<name>", "exp_avg_sq.<name>" and "step.<name>" for each parameter. Shares memory.
  NamedTensors state() const;
  /// Copies a state, all or nothing. Throws FormatError that lists the names and shapes that differ.
  /// @param where  the file it comes from, for errors
  void load_state(const NamedTensors& tensors, const std::string& where);

 private:
  std::vector<OptimizedParameter> parameters_;
  OptimizerConfig config_;
  std::vector<at::Tensor> averages_, square_averages_, steps_;  // one a parameter
};

/// Scales the gradients so that the norm of them all together is at most `most`.
/// @return that norm before, a float32 scalar on the gradients' device; not finite where a gradient is not
at::Tensor clip_gradients(const std::vector<OptimizedParameter>& parameters, double most);

}  // namespace physgen
