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

RELATA_INLINE int64_t rounded(int64_t n) { return (n + kKeyBlock - 1) / kKeyBlock * kKeyBlock; }

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

// sums[C] += the values' sum by weight, in columns of 16.
template <int C, class T>
RELATA_INLINE void weigh_values(const float* weights, const T* values, int64_t length,
                                int64_t width, Vector* sums) {
  for (int64_t t = 0; t < length; ++t) {
    for (int c = 0; c < C; ++c) sums[c] += weights[t] * load(values + t * width + c * kLane);
  }
}

// Columns [column, column + 16 C) of the result.
template <int C, class T>
RELATA_INLINE void weigh_runs(const std::vector<CacheRun<T>>& runs, const float* weights,
                              int64_t column, int64_t width, float factor, T* out) {
  Vector sums[C] = {};
  for (const CacheRun<T>& run : runs) {
    weigh_values<C>(weights, run.values + column, run.length, width, sums);
    weights += rounded(run.length);
  }
  for (int c = 0; c < C; ++c) {
    for (int64_t i = 0; i < kLane; ++i) store(out[column + c * kLane + i], sums[c][i] * factor);
  }
}

template <class T>
RELATA_INLINE void attend_one_body(const T* q, const std::vector<CacheRun<T>>& runs, T* out,
                                   float* scratch, int64_t width, float scale, float slope) {
  float* query = scratch;
  float* scores = scratch + width;
  for (int64_t e = 0; e < width; ++e) query[e] = to_float(q[e]);
  float largest = -INFINITY;
  int64_t end = 0, before = 0;
  for (const CacheRun<T>& run : runs) {
    float* own = scores + end;
    for (int64_t begin = 0; begin < run.length; begin += kKeyBlock) {
      score_block(query, run.keys + begin * width, width, scale, own + begin);
    }
    end += rounded(run.length);
    if (slope != 0.0F) {
      for (int64_t t = 0; t < run.length; ++t) own[t] += slope * static_cast<float>(before + t);
    }
    before += run.length;
    std::fill_n(own, run.skip, -INFINITY);
    // The rest of the last block holds nothing.
    for (float* score = own + run.length; score < scores + end; ++score) *score = -INFINITY;
#pragma omp simd reduction(max : largest)
    for (int64_t t = 0; t < run.length; ++t) largest = std::max(largest, own[t]);
  }
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (int64_t t = 0; t < end; ++t) {
    scores[t] = fast_exp(scores[t] - largest);
    total += scores[t];
  }
  const float factor = 1.0F / total;
  int64_t e = 0;
  for (; e + 4 * kLane <= width; e += 4 * kLane) {
    weigh_runs<4>(runs, scores, e, width, factor, out);
  }
  for (; e + kLane <= width; e += kLane) weigh_runs<1>(runs, scores, e, width, factor, out);
  for (; e < width; ++e) {
    float sum = 0.0F;
    const float* weights = scores;
    for (const CacheRun<T>& run : runs) {
      for (int64_t t = 0; t < run.length; ++t) {
        sum += weights[t] * to_float(run.values[t * width + e]);
      }
      weights += rounded(run.length);
    }
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
RELATA_CLONES void attend_one(const float* q, const std::vector<CacheRun<float>>& runs, float* out,
                              float* scratch, int64_t width, float scale, float slope) {
  attend_one_body(q, runs, out, scratch, width, scale, slope);
}
RELATA_CLONES void attend_one(const Bf16* q, const std::vector<CacheRun<Bf16>>& runs, Bf16* out,
                              float* scratch, int64_t width, float scale, float slope) {
  attend_one_body(q, runs, out, scratch, width, scale, slope);
}

}  // namespace relata::kernels
