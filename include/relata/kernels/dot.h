// Products of one row of a weight with a few vectors.
#pragma once

#include <cstdint>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

// y[r * stride] = sum_i w[i] x[r * width + i] for the `rows` vectors of x [rows, width], summed in
// float32 in an order that neither `rows` nor the processor's load changes. Cost: one read of w for
// four vectors.
void dot_rows(const float* w, const float* x, int64_t rows, int64_t width, float* y,
              int64_t stride);
void dot_rows(const Bf16* w, const float* x, int64_t rows, int64_t width, float* y, int64_t stride);

}  // namespace relata::kernels
