// One row of logits: cross entropy with its gradient in place, and what sampling needs.
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

struct LogitSummary {
  float largest;
  double logsumexp;
};
LogitSummary summarise_logits(const float* logits, int64_t vocabulary);

}  // namespace relata::kernels
