#include "relata/kernels/low_rank.h"

#include "vector.h"

namespace relata::kernels {
namespace {

template <class X, class W>
RELATA_INLINE float dot(const X* x, const W* weight, int64_t count) {
  Vector sums[2] = {};
  int64_t i = 0;
  for (; i + 2 * kLane <= count; i += 2 * kLane) {
    sums[0] += load(x + i) * load(weight + i);
    sums[1] += load(x + i + kLane) * load(weight + i + kLane);
  }
  for (; i + kLane <= count; i += kLane) sums[0] += load(x + i) * load(weight + i);
  const Vector sum = sums[0] + sums[1];
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (int64_t lane = 0; lane < kLane; ++lane) total += sum[lane];
  for (; i < count; ++i) total += to_float(x[i]) * to_float(weight[i]);
  return total;
}

template <class T>
RELATA_INLINE void add_low_rank_body(const LowRankProduct<T>& p, int64_t begin, int64_t end,
                                     float* scratch) {
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = p.rows == nullptr ? i : p.rows[i];
    const T* x = p.x + row * p.x_stride;
    T* y = p.y + row * p.y_stride;
    for (int64_t r = 0; r < p.rank; ++r) scratch[r] = p.scale * dot(x, p.a + r * p.in, p.in);
    for (int64_t o = 0; o < p.out; ++o) {
      store(y[o], to_float(y[o]) + dot(scratch, p.b + o * p.rank, p.rank));
    }
  }
}

}  // namespace

RELATA_CLONES void add_low_rank(const LowRankProduct<float>& p, int64_t begin, int64_t end,
                                float* scratch) {
  add_low_rank_body(p, begin, end, scratch);
}
RELATA_CLONES void add_low_rank(const LowRankProduct<Bf16>& p, int64_t begin, int64_t end,
                                float* scratch) {
  add_low_rank_body(p, begin, end, scratch);
}

}  // namespace relata::kernels
