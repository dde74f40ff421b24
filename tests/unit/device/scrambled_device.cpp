#include "scrambled_device.h"

#include <ATen/EmptyTensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/view_native.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/library.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace relata {
namespace {

using at::Tensor;

void turn_over(void* bytes, size_t count) {
  auto* byte = static_cast<unsigned char*>(bytes);
  for (size_t i = 0; i < count; ++i) byte[i] = static_cast<unsigned char>(~byte[i]);
}

struct Memory : at::Allocator {
  at::DataPtr allocate(size_t bytes) override {
    void* data = bytes == 0 ? nullptr : std::malloc(bytes);
    return {data, data, &std::free, scrambled_device()};
  }
  at::DeleterFnPtr raw_deleter() const override { return &std::free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
};

Memory& memory() {
  static Memory memory;
  return memory;
}

Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
             std::optional<at::Device>, std::optional<bool>,
             std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(size, &memory(),
                                   at::DispatchKeySet(at::DispatchKey::PrivateUse1),
                                   at::dtype_or_default(type), format);
}

Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride,
                     std::optional<at::ScalarType> type, std::optional<at::Layout>,
                     std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(size, stride, &memory(),
                                           at::DispatchKeySet(at::DispatchKey::PrivateUse1),
                                           at::dtype_or_default(type));
}

// All that the tensor's storage holds, readable, as the tensor lies in it.
Tensor readable(const Tensor& t) {
  const auto bytes = static_cast<int64_t>(t.storage().nbytes());
  Tensor plain = at::empty({bytes}, at::kByte);
  std::memcpy(plain.data_ptr(), t.storage().data(), static_cast<size_t>(bytes));
  turn_over(plain.data_ptr(), static_cast<size_t>(bytes));
  return at::empty({0}, t.options().device(at::kCPU))
      .set_(plain.storage(), t.storage_offset(), t.sizes(), t.strides());
}

Tensor copy_from(const Tensor& from, const Tensor& to, bool) {
  at::NoGradGuard no_grad;
  const Tensor source = from.is_cpu() ? from : readable(from);
  if (to.is_cpu()) {
    const_cast<Tensor&>(to).copy_(source);
    return to;
  }
  Tensor whole = readable(to);
  whole.copy_(source);
  const size_t bytes = to.storage().nbytes();
  std::memcpy(to.storage().mutable_data(), whole.storage().data(), bytes);
  turn_over(to.storage().mutable_data(), bytes);
  return to;
}

Tensor copy_from_and_resize(const Tensor& from, const Tensor& to) {
  const size_t bytes = static_cast<size_t>(from.numel()) * from.itemsize();
  if (bytes > to.storage().nbytes()) {
    to.storage().set_data_ptr_noswap(memory().allocate(bytes));
    to.storage().set_nbytes(bytes);
  }
  if (from.sizes() != to.sizes()) to.unsafeGetTensorImpl()->set_sizes_contiguous(from.sizes());
  return copy_from(from, to, false);
}

Tensor view(const Tensor& self, c10::SymIntArrayRef size) {
  return at::native::view(self, C10_AS_INTARRAYREF_SLOW(size));
}

Tensor as_strided(const Tensor& self, c10::SymIntArrayRef size, c10::SymIntArrayRef stride,
                  std::optional<c10::SymInt> offset) {
  return at::native::as_strided_tensorimpl(
      self, C10_AS_INTARRAYREF_SLOW(size), C10_AS_INTARRAYREF_SLOW(stride),
      offset ? std::optional(offset->expect_int()) : std::nullopt);
}

Tensor reshape_alias(const Tensor& self, c10::SymIntArrayRef size, c10::SymIntArrayRef stride) {
  return at::native::_reshape_alias(self, C10_AS_INTARRAYREF_SLOW(size),
                                    C10_AS_INTARRAYREF_SLOW(stride));
}

// A number without dimensions may come from the CPU, as on CUDA.
void refuse_cpu(const at::IValue& value, const std::string& name) {
  if (value.isTensor()) {
    const Tensor& t = value.toTensor();
    if (t.defined() && t.is_cpu() && t.dim() > 0) {
      throw std::logic_error(name + ": a tensor of the CPU meets one of the device");
    }
  } else if (value.isList()) {
    for (const at::IValue& item : value.toListRef()) refuse_cpu(item, name);
  }
}

void compute(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::string name = op.schema().name();
  for (const at::IValue& value : torch::jit::last(*stack, op.schema().arguments().size())) {
    refuse_cpu(value, name);
  }
  at::native::cpu_fallback(op, stack);
}

struct Guard : c10::impl::NoOpDeviceGuardImpl<at::kPrivateUse1> {
  at::Device exchangeDevice(at::Device) const override { return scrambled_device(); }
  at::Device getDevice() const override { return scrambled_device(); }
  c10::Stream getStream(at::Device device) const noexcept override {
    return c10::Stream(c10::Stream::DEFAULT, device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const noexcept override { return stream; }
};

struct Hooks : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  at::DeviceIndex deviceCount() const override { return 1; }
  at::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(at::DeviceIndex) const override {}
  at::DeviceIndex exchangeDevice(at::DeviceIndex) const override { return 0; }
  at::DeviceIndex maybeExchangeDevice(at::DeviceIndex) const override { return 0; }
  const at::Generator& getDefaultGenerator(at::DeviceIndex) const override {
    return at::detail::getDefaultCPUGenerator();
  }
};

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard);

TORCH_LIBRARY_IMPL(aten, PrivateUse1, library) {
  library.impl("empty.memory_format", &empty);
  library.impl("empty_strided", &empty_strided);
  library.impl("_copy_from", &copy_from);
  library.impl("_copy_from_and_resize", &copy_from_and_resize);
  library.impl("view", &view);
  library.impl("as_strided", &as_strided);
  library.impl("_reshape_alias", &reshape_alias);
}

TORCH_LIBRARY_IMPL(_, PrivateUse1, library) {
  library.fallback(torch::CppFunction::makeFromBoxedFunction<&compute>());
}

}  // namespace

void register_scrambled_device() {
  static Hooks hooks;
  static const bool kDone = [] {
    c10::register_privateuse1_backend("scrambled");
    at::RegisterPrivateUse1HooksInterface(&hooks);
    c10::SetAllocator(at::kPrivateUse1, &memory());
    return true;
  }();
  (void)kDone;
}

}  // namespace relata
