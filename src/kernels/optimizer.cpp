#include "relata/kernels/optimizer.h"

#include "vector.h"

namespace relata::kernels {
namespace {

template <bool kCopy, bool kAverage, class T>
RELATA_INLINE void adamw_loop(const AdamW& s, const AdamWRange& a, const T* gradient, int64_t n) {
  const float keep = 1.0F - s.learning_rate * s.weight_decay;
  const float rate = s.learning_rate / s.correction1;
  const float root = 1.0F / s.correction2;
  const float new1 = 1.0F - s.beta1;
  const float new2 = 1.0F - s.beta2;
  float* value = a.value;
  float* first = a.first;
  float* second = a.second;
  Bf16* copy = a.copy;
  float* average = a.average;
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) {
    const float g = to_float(gradient[i]) * s.gradient_scale;
    const float m = first[i] + new1 * (g - first[i]);
    const float v = s.beta2 * second[i] + new2 * g * g;
    const float w = value[i] * keep - rate * m / (std::sqrt(v) * root + s.epsilon);
    first[i] = m;
    second[i] = v;
    value[i] = w;
    if constexpr (kCopy) store(copy[i], w);
    if constexpr (kAverage) average[i] += s.average_step * (w - average[i]);
  }
}

template <class T>
RELATA_INLINE void adamw_body(const AdamW& s, const AdamWRange& a, const T* gradient, int64_t n) {
  if (a.copy != nullptr && a.average != nullptr) return adamw_loop<true, true>(s, a, gradient, n);
  if (a.copy != nullptr) return adamw_loop<true, false>(s, a, gradient, n);
  if (a.average != nullptr) return adamw_loop<false, true>(s, a, gradient, n);
  adamw_loop<false, false>(s, a, gradient, n);
}

template <class T>
RELATA_INLINE double sum_squares_body(const T* values, int64_t n) {
  constexpr int64_t kRun = 4096;
  double total = 0.0;
  for (int64_t begin = 0; begin < n; begin += kRun) {
    const int64_t end = std::min(n, begin + kRun);
    float sum = 0.0F;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; ++i) {
      const float value = to_float(values[i]);
      sum += value * value;
    }
    total += sum;
  }
  return total;
}

}  // namespace

RELATA_CLONES void adamw(const AdamW& step, const AdamWRange& range, const float* gradient,
                         int64_t n) {
  adamw_body(step, range, gradient, n);
}
RELATA_CLONES void adamw(const AdamW& step, const AdamWRange& range, const Bf16* gradient,
                         int64_t n) {
  adamw_body(step, range, gradient, n);
}
RELATA_CLONES double sum_squares(const float* values, int64_t n) {
  return sum_squares_body(values, n);
}
RELATA_CLONES double sum_squares(const Bf16* values, int64_t n) {
  return sum_squares_body(values, n);
}

}  // namespace relata::kernels
