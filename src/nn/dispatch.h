// From tensors to the kernels' plain pointers.
#pragma once

#include <ATen/ATen.h>

#include "relata/kernels/bf16.h"

namespace relata::nn {

template <class T>
T* data(const at::Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

// Calls body with a null pointer of the kernel type that stands for `type`.
template <class Body>
void dispatch(at::ScalarType type, const Body& body) {
  if (type == at::kFloat) {
    body(static_cast<float*>(nullptr));
  } else if (type == at::kBFloat16) {
    body(static_cast<kernels::Bf16*>(nullptr));
  } else {
    TORCH_CHECK(false, "compute type must be float32 or bfloat16");
  }
}

constexpr int64_t kRowGrain = 16;  // rows that are worth a thread

}  // namespace relata::nn
