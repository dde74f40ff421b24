#include "relata/kernels/loss.h"

#include "vector.h"

namespace relata::kernels {
namespace {

template <class T>
RELATA_INLINE double cross_entropy_body(T* logits, int64_t vocabulary, int64_t target, float factor,
                                        float* scratch) {
  float largest = -INFINITY;
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < vocabulary; ++i) largest = std::max(largest, to_float(logits[i]));
  const float of_target = to_float(logits[target]);
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (int64_t i = 0; i < vocabulary; ++i) {
    scratch[i] = fast_exp(to_float(logits[i]) - largest);
    total += scratch[i];
  }
  const float scale = factor / total;
#pragma omp simd
  for (int64_t i = 0; i < vocabulary; ++i) store(logits[i], scratch[i] * scale);
  store(logits[target], scratch[target] * scale - factor);
  return std::log(static_cast<double>(total)) + (static_cast<double>(largest) - of_target);
}

}  // namespace

RELATA_CLONES double cross_entropy(float* logits, int64_t vocabulary, int64_t target, float factor,
                                   float* scratch) {
  return cross_entropy_body(logits, vocabulary, target, factor, scratch);
}
RELATA_CLONES double cross_entropy(Bf16* logits, int64_t vocabulary, int64_t target, float factor,
                                   float* scratch) {
  return cross_entropy_body(logits, vocabulary, target, factor, scratch);
}

}  // namespace relata::kernels
