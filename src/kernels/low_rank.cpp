#include "relata/kernels/low_rank.h"

#include "tile.h"

namespace relata::kernels {
namespace {

using Eight = ShortVectors::Floats;

// By halves, which every processor adds in registers.
RELATA_INLINE float sum_of(Eight v) {
  using Four = float __attribute__((vector_size(16)));
  const Four halves =
      __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
  return (halves[0] + halves[2]) + (halves[1] + halves[3]);
}

template <class X, class W>
RELATA_INLINE void add_products(const X* x, const W* weight, Eight& sum) {
  Eight left, right;
  read(x, left);
  read(weight, right);
  sum += left * right;
}

template <class X, class W>
RELATA_INLINE float dot(const X* x, const W* weight, int64_t count) {
  constexpr int64_t kLanes = 8;
  Eight sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
    for (int k = 0; k < 4; ++k) add_products(x + i + k * kLanes, weight + i + k * kLanes, sums[k]);
  }
  for (; i + kLanes <= count; i += kLanes) add_products(x + i, weight + i, sums[0]);
  float total = sum_of((sums[0] + sums[1]) + (sums[2] + sums[3]));
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
