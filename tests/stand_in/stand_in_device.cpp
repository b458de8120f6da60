#include "stand_in/stand_in_device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/autocast_mode.h>
#include <ATen/detail/HPUHooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/native/Resize.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <limits>
#include <mutex>

#include "stand_in/device_memory.h"

namespace physgen {
namespace {

constexpr c10::DispatchKeySet kKeys(c10::DispatchKey::HPU);

/// What was counted, and whether what is done now is the program's own: the fallback's copies are not.
struct Counter {
  std::mutex mutex;
  DeviceCounts counts;
  static inline thread_local bool in_kernel = false;

  void add(int64_t DeviceCounts::*number) {
    const std::lock_guard lock(mutex);
    if (!in_kernel) ++(counts.*number);
  }
  void add_operation(const std::string& name) {
    const std::lock_guard lock(mutex);
    ++counts.operations;
    ++counts.of_each[name];
  }
};

Counter& counter() {
  static auto* counter = new Counter;
  return *counter;
}

/// A tensor of the CPU on the same memory, for kernels.
at::Tensor alias_of(const at::Tensor& tensor) {
  if (tensor.is_cpu()) return tensor;
  return at::from_blob(DeviceMemory::for_kernels(tensor.data_ptr()), tensor.sizes(), tensor.strides(),
                       tensor.options().device(at::kCPU));
}

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
                 std::optional<at::Device>, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &DeviceMemory::allocator(), kKeys, c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype,
                         std::optional<at::Layout>, std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &DeviceMemory::allocator(), kKeys,
                                           c10::dtype_or_default(dtype));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  if (from.is_cpu()) counter().add(&DeviceCounts::copies_in);
  if (to.is_cpu()) counter().add(&DeviceCounts::copies_out);
  if (!from.is_cpu() && !to.is_cpu() && !Counter::in_kernel) counter().add_operation("copy");
  alias_of(to).copy_(alias_of(from));
  return to;
}

at::Tensor copy_from_and_resize(const at::Tensor& from, const at::Tensor& to) {
  to.resize_(from.sizes());
  return copy_from(from, to, false);
}

at::Tensor as_strided(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride,
                      std::optional<int64_t> offset) {
  return at::native::as_strided_tensorimpl(self, size, stride, offset);
}

at::Tensor view(const at::Tensor& self, at::IntArrayRef size) { return at::native::view(self, size); }

at::Tensor reshape_alias(const at::Tensor& self, at::IntArrayRef size, at::IntArrayRef stride) {
  return at::native::as_strided_tensorimpl(self, size, stride, std::nullopt);
}

at::Tensor unfold(const at::Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  return at::native::unfold(self, dimension, size, step);
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size, std::optional<at::MemoryFormat> format) {
  at::TensorImpl* impl = self.unsafeGetTensorImpl();
  impl->set_sizes_contiguous(size);
  const size_t bytes = static_cast<size_t>(impl->numel() + impl->storage_offset()) * impl->itemsize();
  c10::StorageImpl* storage = impl->storage().unsafeGetStorageImpl();
  if (bytes > storage->nbytes()) {
    storage->set_data_ptr_noswap(DeviceMemory::allocator().allocate(bytes));
    storage->set_nbytes(bytes);
  }
  if (format) impl->empty_tensor_restride(*format);
  return self;
}

at::Scalar local_scalar(const at::Tensor& self) {
  counter().add(&DeviceCounts::copies_out);
  counter().add(&DeviceCounts::host_reads);
  return alias_of(self).item();
}

/// While a kernel runs, what is copied is not the program's doing.
class Kernel {
 public:
  explicit Kernel(const std::string& name) { counter().add_operation(name); }
  ~Kernel() { Counter::in_kernel = outer_; }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

 private:
  bool outer_ = std::exchange(Counter::in_kernel, true);
};

at::Tensor on_device(const at::Tensor& result) {
  return result.defined() ? result.to(at::Device(at::kHPU, 0)) : at::Tensor();
}

// PyTorch's fallback has no convolutions.
at::Tensor convolution(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                       at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed,
                       at::IntArrayRef output_padding, int64_t groups) {
  const Kernel kernel("aten::convolution");
  const std::optional<at::Tensor> shift = bias && bias->defined() ? std::optional(alias_of(*bias)) : std::nullopt;
  return on_device(at::convolution(alias_of(input), alias_of(weight), shift, stride, padding, dilation, transposed,
                                   output_padding, groups));
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(const at::Tensor& gradient, const at::Tensor& input,
                                                                    const at::Tensor& weight, at::IntArrayRef stride,
                                                                    at::IntArrayRef padding, at::IntArrayRef dilation,
                                                                    bool transposed, at::IntArrayRef output_padding,
                                                                    int64_t groups, std::array<bool, 3> wanted) {
  const Kernel kernel("aten::convolution_backward");
  const auto [of_input, of_weight, of_bias] = at::convolution_backward(
      alias_of(gradient), alias_of(input), alias_of(weight), at::IntArrayRef({gradient.size(1)}), stride, padding,
      dilation, transposed, output_padding, groups, wanted);
  return {on_device(of_input), on_device(of_weight), on_device(of_bias)};
}

// As on a GPU; PyTorch's fallback would take a host's tensor among the device's for granted.
void refuse_host(const std::string& operation, const at::Tensor& argument) {
  const bool mixed = argument.defined() && argument.is_cpu() && argument.dim() > 0;  // single numbers may come along
  TORCH_CHECK(!mixed, operation, " is given a tensor of the host among those of the device");
}

void refuse_host(const std::string& operation, const c10::IValue& argument) {
  if (argument.isTensor()) refuse_host(operation, argument.toTensor());
  if (argument.isTensorList()) {
    for (const at::Tensor& tensor : argument.toTensorVector()) refuse_host(operation, tensor);
  }
  if (argument.isOptionalTensorList()) {
    for (const std::optional<at::Tensor> tensor : argument.toOptionalTensorList()) {
      if (tensor) refuse_host(operation, *tensor);
    }
  }
}

void fallback(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  const std::string name = c10::toString(operation.operator_name());
  for (const c10::IValue& argument : torch::jit::last(*stack, operation.schema().arguments().size())) {
    refuse_host(name, argument);
  }
  const Kernel kernel(name);
  at::native::cpu_fallback(operation, stack);
}

TORCH_LIBRARY_IMPL(_, HPU, library) { library.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }

TORCH_LIBRARY_IMPL(aten, HPU, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("as_strided", &as_strided);
  library.impl("view", &view);
  library.impl("_reshape_alias", &reshape_alias);
  library.impl("unfold", &unfold);
  library.impl("resize_", &resize);
  library.impl("_local_scalar_dense", &local_scalar);
  library.impl("convolution_overrideable", &convolution);
  library.impl("convolution_backward_overrideable", &convolution_backward);
}

// Under autocast what other devices do: products in the lower precision, norms and sums in float32.
TORCH_LIBRARY_IMPL(_, AutocastHPU, library) { library.fallback(torch::CppFunction::makeFallthrough()); }

TORCH_LIBRARY_IMPL(aten, AutocastHPU, m) {  // the macro's name for the library
#define PHYSGEN_LOWER(...) KERNEL(c10::DeviceType::HPU, __VA_ARGS__, lower_precision_fp)
#define PHYSGEN_FLOAT(...) KERNEL(c10::DeviceType::HPU, __VA_ARGS__, fp32)
#define PHYSGEN_WIDEST(...) KERNEL(c10::DeviceType::HPU, __VA_ARGS__, promote)
  AT_FORALL_LOWER_PRECISION_FP(PHYSGEN_LOWER)
  AT_FORALL_FP32(PHYSGEN_FLOAT)
  AT_FORALL_PROMOTE(PHYSGEN_WIDEST)
#undef PHYSGEN_LOWER
#undef PHYSGEN_FLOAT
#undef PHYSGEN_WIDEST
}

/// One device with one stream, on which everything is done at once.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  static c10::Device device() { return {c10::DeviceType::HPU, 0}; }
  static c10::Stream stream() { return c10::Stream(c10::Stream::DEFAULT, device()); }

  c10::DeviceType type() const override { return c10::DeviceType::HPU; }
  c10::Device exchangeDevice(c10::Device) const override { return device(); }
  c10::Device getDevice() const override { return device(); }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  c10::Stream getStream(c10::Device) const override { return stream(); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(); }
  c10::Stream getStreamFromGlobalPool(c10::Device, bool) const override { return stream(); }
  c10::Stream exchangeStream(c10::Stream) const override { return stream(); }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  bool queryStream(const c10::Stream&) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeDevice(c10::DeviceIndex) const override {}
};

c10::impl::DeviceGuardImplRegistrar guard(c10::DeviceType::HPU, new Guard);

}  // namespace

DeviceCounts StandInDevice::counts() {
  const std::lock_guard lock(counter().mutex);
  DeviceCounts counts = counter().counts;
  counts.allocations = DeviceMemory::allocations_of_size();
  counts.live_bytes = DeviceMemory::live_bytes();
  counts.live_blocks = DeviceMemory::live_blocks();
  return counts;
}

void StandInDevice::reset() {
  const std::lock_guard lock(counter().mutex);
  counter().counts = {};
  DeviceMemory::reset_counts();
}

StandInDevice::Size::Size(size_t bytes) { DeviceMemory::set_size(bytes); }
StandInDevice::Size::~Size() { DeviceMemory::set_size(std::numeric_limits<size_t>::max()); }

}  // namespace physgen

namespace at {

/// The registry knows it by this name.
struct HPUHooks final : HPUHooksInterface {
  explicit HPUHooks(HPUHooksArgs) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasHPU() const override { return true; }
  bool hasPrimaryContext(DeviceIndex) const override { return true; }
  DeviceIndex deviceCount() const override { return 1; }
  DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(DeviceIndex) const override {}
  DeviceIndex exchangeDevice(DeviceIndex) const override { return 0; }
  DeviceIndex maybeExchangeDevice(DeviceIndex) const override { return 0; }
  const Generator& getDefaultGenerator(DeviceIndex) const override {
    static const Generator generator = make_generator<CPUGeneratorImpl>();
    return generator;
  }
};

REGISTER_HPU_HOOKS(HPUHooks);

}  // namespace at
