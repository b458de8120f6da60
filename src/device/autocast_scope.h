#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <physgen/device/precision.h>

namespace physgen {

/// The number type that a precision means on a device.
at::ScalarType compute_dtype(Precision precision, at::Device device);

/// Computes matrix products in `dtype` for as long as it lives (torch.autocast); with float32 it does nothing.
class AutocastScope {
 public:
  AutocastScope(at::Device device, at::ScalarType dtype);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  at::DeviceType type_;
  bool on_;
  bool was_enabled_;
  at::ScalarType previous_;
};

}  // namespace physgen
