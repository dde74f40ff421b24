// What stored blocks stand for in plain ATen operations: for any device, and the oracle of the
// kernels.
#pragma once

#include "relata/nn/quantized.h"

namespace relata::nn::reference {

// [rows, columns] float32, on the device of the bytes.
at::Tensor nf4_values(const Nf4Tensors& tensors, const at::Tensor& order, int64_t in, Span rows,
                      Span columns);
at::Tensor block_values(GgmlType type, const at::Tensor& bytes, Span rows, Span columns);

}  // namespace relata::nn::reference
