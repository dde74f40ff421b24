// Few rows times a product of two narrow matrices: LoRA (Hu et al. 2021) while answering.
#pragma once

#include <cstdint>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

// y += scale (x A^T) B^T for some rows of x and y. T is float or Bf16; sums are float and rounded
// once, when they are added to y.
// legend: I input width; R rank; O output width.
template <class T>
struct LowRankProduct {
  const T* x;  // rows of I elements, x_stride apart
  const T* a;  // [R, I]
  const T* b;  // [O, R]
  T* y;        // rows of O elements, y_stride apart
  int64_t x_stride;
  int64_t y_stride;
  int64_t in;
  int64_t rank;
  int64_t out;
  float scale;
  const int64_t* rows = nullptr;  // the rows of x and y that count; null: all
};

// The rows, or entries of `rows`, [begin, end); a row's result does not depend on the others.
// scratch: R floats. Cost: R (I + O) products a row, one after the other: for prefill use a matrix
// product.
void add_low_rank(const LowRankProduct<float>& p, int64_t begin, int64_t end, float* scratch);
void add_low_rank(const LowRankProduct<Bf16>& p, int64_t begin, int64_t end, float* scratch);

}  // namespace relata::kernels
