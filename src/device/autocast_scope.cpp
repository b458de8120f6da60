#include "device/autocast_scope.h"

#include <ATen/autocast_mode.h>

#include "device/compute_device.h"

namespace physgen {

at::ScalarType compute_dtype(Precision precision, at::Device device) {
  if (precision == Precision::automatic) return best_dtype(device);
  return precision == Precision::bfloat16 ? at::kBFloat16 : at::kFloat;
}

AutocastScope::AutocastScope(at::Device device, at::ScalarType dtype)
    : type_(device.type()),
      on_(dtype != at::kFloat),
      was_enabled_(at::autocast::is_autocast_enabled(type_)),
      previous_(at::autocast::get_autocast_dtype(type_)) {
  if (!on_) return;
  at::autocast::increment_nesting();
  at::autocast::set_autocast_enabled(type_, true);
  at::autocast::set_autocast_dtype(type_, dtype);
}

AutocastScope::~AutocastScope() {
  if (!on_) return;
  at::autocast::set_autocast_enabled(type_, was_enabled_);
  at::autocast::set_autocast_dtype(type_, previous_);
  // The outermost scope forgets the weights that were cast: the next step has others.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

}  // namespace physgen
