// Cross entropy of one row of logits, its gradient in place.
#pragma once

#include <cstdint>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

// Returns -log softmax(logits)[target] and replaces logits [V] by factor * (softmax - one_hot).
// scratch: V floats. Arithmetic in float.
double cross_entropy(float* logits, int64_t vocabulary, int64_t target, float factor,
                     float* scratch);
double cross_entropy(Bf16* logits, int64_t vocabulary, int64_t target, float factor,
                     float* scratch);

}  // namespace relata::kernels
