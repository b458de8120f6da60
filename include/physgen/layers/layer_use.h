#pragma once

#include <ATen/core/Tensor.h>
#include <physgen/kernels/byte_scale.h>

#include <functional>
#include <map>
#include <string>

namespace physgen {

/// One computation of a layer that could be done in int8, as it was done.
struct LayerUse {
  const std::string& name;
  const at::Tensor& input;
  const at::Tensor& output;
  /// The output as int8 would have it, with the input's bytes on this scale.
  std::function<at::Tensor(const ByteScale&)> in_int8;
};

/// Is told of each such computation.
using LayerWatch = std::function<void(const LayerUse&)>;

/// The scales of the inputs of the layers that compute in int8, by their names.
using LayerScales = std::map<std::string, ByteScale>;

}  // namespace physgen
