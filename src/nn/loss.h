// The loss with a head that is quantised.
#pragma once

#include "quantized_matrix.h"

namespace relata::nn {

// linear_cross_entropy() of ops.h, differentiable in `hidden` alone.
at::Tensor linear_cross_entropy(const at::Tensor& hidden, const QuantizedMatrix& head,
                                const at::Tensor& targets, const at::Tensor& weights,
                                double divisor);

}  // namespace relata::nn
