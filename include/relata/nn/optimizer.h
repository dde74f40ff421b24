// What an optimiser does to one tensor, in one pass over it. Not differentiable.
#pragma once

#include <ATen/ATen.h>

#include "relata/kernels/optimizer.h"

namespace relata::nn {

// A trained tensor and what goes with it, all float32 and of one size. `copy` (bfloat16) and
// `average` may be undefined.
struct AdamWTensors {
  at::Tensor value, first, second, copy, average;
};

using AdamWStep = kernels::AdamW;

// One AdamW step (kernels/optimizer.h) with a gradient of float32 or bfloat16.
void adamw(const AdamWStep& step, const AdamWTensors& tensors, const at::Tensor& gradient);

// Sum of the squares of all elements. The same for every number of threads.
double sum_squares(const at::Tensor& gradient);

}  // namespace relata::nn
