// Attention of single new tokens over cached keys and values.
#include <algorithm>
#include <cmath>

#include "relata/kernels/attention.h"
#include "vector.h"

namespace relata::kernels {
namespace {

template <class T>
RELATA_INLINE void store_key_body(const T* key, T* blocks, int64_t index, int64_t width) {
  T* column = blocks + index / kKeyBlock * kKeyBlock * width + index % kKeyBlock;
  for (int64_t e = 0; e < width; ++e) column[e * kKeyBlock] = key[e];
}

static_assert(kKeyBlock == kLane);

// scores[kKeyBlock] = scale * q keys. Four sums run beside each other, or each addition would wait
// for the one before.
template <class T>
RELATA_INLINE void score_block(const float* q, const T* keys, int64_t width, float scale,
                               float* scores) {
  Vector sums[4] = {};
  int64_t e = 0;
  for (; e + 4 <= width; e += 4) {
    for (int c = 0; c < 4; ++c) {
      const T* row = keys + (e + c) * kKeyBlock;
      sums[c] += q[e + c] * load(row);
    }
  }
  for (; e < width; ++e) sums[0] += q[e] * load(keys + e * kKeyBlock);
  *reinterpret_cast<Vector*>(scores) = ((sums[0] + sums[1]) + (sums[2] + sums[3])) * scale;
}

// out[16 C] = the values' sum by weight, times factor.
template <int C, class T>
RELATA_INLINE void weigh_values(const float* weights, const T* values, int64_t length,
                                int64_t width, float factor, T* out) {
  Vector sums[C] = {};
  for (int64_t t = 0; t < length; ++t) {
    for (int c = 0; c < C; ++c) {
      const T* value = values + t * width + c * kLane;
      sums[c] += weights[t] * load(value);
    }
  }
  for (int c = 0; c < C; ++c) {
    for (int64_t i = 0; i < kLane; ++i) store(out[c * kLane + i], sums[c][i] * factor);
  }
}

template <class T>
RELATA_INLINE void attend_one_body(const T* q, const T* keys, const T* values, T* out,
                                   float* scratch, int64_t length, int64_t width, float scale) {
  float* query = scratch;
  float* scores = scratch + width;
  for (int64_t e = 0; e < width; ++e) query[e] = to_float(q[e]);
  for (int64_t begin = 0; begin < length; begin += kKeyBlock) {
    score_block(query, keys + begin * width, width, scale, scores + begin);
  }
  float largest = -INFINITY;
#pragma omp simd reduction(max : largest)
  for (int64_t t = 0; t < length; ++t) largest = std::max(largest, scores[t]);
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (int64_t t = 0; t < length; ++t) {
    scores[t] = fast_exp(scores[t] - largest);
    total += scores[t];
  }
  const float factor = 1.0F / total;
  int64_t e = 0;
  for (; e + 4 * kLane <= width; e += 4 * kLane) {
    weigh_values<4>(scores, values + e, length, width, factor, out + e);
  }
  for (; e + kLane <= width; e += kLane) {
    weigh_values<1>(scores, values + e, length, width, factor, out + e);
  }
  for (; e < width; ++e) {
    float sum = 0.0F;
    for (int64_t t = 0; t < length; ++t) sum += scores[t] * to_float(values[t * width + e]);
    store(out[e], sum * factor);
  }
}

}  // namespace

RELATA_CLONES void store_key(const float* key, float* blocks, int64_t index, int64_t width) {
  store_key_body(key, blocks, index, width);
}
RELATA_CLONES void store_key(const Bf16* key, Bf16* blocks, int64_t index, int64_t width) {
  store_key_body(key, blocks, index, width);
}
RELATA_CLONES void attend_one(const float* q, const float* keys, const float* values, float* out,
                              float* scratch, int64_t length, int64_t width, float scale) {
  attend_one_body(q, keys, values, out, scratch, length, width, scale);
}
RELATA_CLONES void attend_one(const Bf16* q, const Bf16* keys, const Bf16* values, Bf16* out,
                              float* scratch, int64_t length, int64_t width, float scale) {
  attend_one_body(q, keys, values, out, scratch, length, width, scale);
}

}  // namespace relata::kernels
