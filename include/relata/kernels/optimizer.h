// AdamW over a range of weights in one pass (Loshchilov and Hutter 2019, as PyTorch writes it).
#pragma once

#include <cstdint>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

struct AdamW {
  float learning_rate = 0;
  float beta1 = 0.9F, beta2 = 0.999F, epsilon = 1e-8F;
  float weight_decay = 0;
  float correction1 = 1;     // 1 - beta1^step
  float correction2 = 1;     // sqrt(1 - beta2^step)
  float gradient_scale = 1;  // clipping
  float average_step = 0;    // average += average_step * (value - average)
};

// copy (the bfloat16 copy of value) and average may be null.
struct AdamWRange {
  float* value;
  float* first;
  float* second;
  Bf16* copy;
  float* average;
};

void adamw(const AdamW& step, const AdamWRange& range, const float* gradient, int64_t n);
void adamw(const AdamW& step, const AdamWRange& range, const Bf16* gradient, int64_t n);

// Sum of squares; within float's precision of each run of 4,096 elements.
double sum_squares(const float* values, int64_t n);
double sum_squares(const Bf16* values, int64_t n);

}  // namespace relata::kernels
