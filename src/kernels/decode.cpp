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

// scores[h][kKeyBlock] = scale * q[h] keys, heads `stride` apart. Four sums a head run beside each
// other, or each addition would wait for the one before.
template <int H, class T>
RELATA_INLINE void score_block(const float* q, const T* keys, int64_t width, float scale,
                               float* scores, int64_t stride) {
  Vector sums[H][4] = {};
  int64_t e = 0;
  for (; e + 4 <= width; e += 4) {
    for (int c = 0; c < 4; ++c) {
      const Vector row = load(keys + (e + c) * kKeyBlock);
      for (int h = 0; h < H; ++h) sums[h][c] += q[h * width + e + c] * row;
    }
  }
  for (; e < width; ++e) {
    const Vector row = load(keys + e * kKeyBlock);
    for (int h = 0; h < H; ++h) sums[h][0] += q[h * width + e] * row;
  }
  for (int h = 0; h < H; ++h) {
    *reinterpret_cast<Vector*>(scores + h * stride) =
        ((sums[h][0] + sums[h][1]) + (sums[h][2] + sums[h][3])) * scale;
  }
}

// From the scores of `end` tokens to weights that sum up to 1 / the returned factor; those that are
// not seen become 0. What is added up together depends on the tokens' numbers alone, not on the
// runs.
template <class T>
RELATA_INLINE float weigh_scores(const std::vector<CacheRun<T>>& runs, const GroupAttention& group,
                                 int64_t head, float* scores, int64_t end) {
  if (group.slopes != nullptr) {
    const float slope = group.slopes[head];
    for (int64_t t = 0; t < end; ++t) scores[t] += slope * static_cast<float>(t);
  }
  if (group.relative != nullptr) {
    const float* table = group.relative + head * (2 * group.farthest + 1) + group.farthest;
    for (int64_t t = 0; t < end; ++t) scores[t] += table[-std::min(group.farthest, end - 1 - t)];
  }
  float* own = scores;
  for (const CacheRun<T>& run : runs) {
    std::fill_n(own, run.skip, -INFINITY);
    own += run.length;
  }
  float largest = -INFINITY;
#pragma omp simd reduction(max : largest)
  for (int64_t t = 0; t < end; ++t) largest = std::max(largest, scores[t]);
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (int64_t t = 0; t < end; ++t) {
    scores[t] = fast_exp(scores[t] - largest);
    total += scores[t];
  }
  return 1.0F / total;
}

// Columns [column, column + 16 C) of the results: the values' sums by weight.
template <int H, int C, class T>
RELATA_INLINE void weigh_values(const std::vector<CacheRun<T>>& runs, const float* weights,
                                int64_t stride, int64_t column, int64_t width, const float* factors,
                                T* out) {
  Vector sums[H][C] = {};
  for (const CacheRun<T>& run : runs) {
    for (int64_t t = 0; t < run.length; ++t) {
      Vector value[C];
      for (int c = 0; c < C; ++c) value[c] = load(run.values + t * width + column + c * kLane);
      for (int h = 0; h < H; ++h) {
        for (int c = 0; c < C; ++c) sums[h][c] += weights[h * stride + t] * value[c];
      }
    }
    weights += run.length;
  }
  for (int h = 0; h < H; ++h) {
    for (int c = 0; c < C; ++c) {
      T* to = out + h * width + column + c * kLane;
      for (int64_t i = 0; i < kLane; ++i) store(to[i], sums[h][c][i] * factors[h]);
    }
  }
}

// The columns from `column` on, fewer than a vector has, of one head. Each is summed up by itself,
// in the tokens' order: a compiler would sum up runs in ways that depend on their lengths.
template <class T>
RELATA_INLINE void weigh_rest(const std::vector<CacheRun<T>>& runs, const float* weights,
                              int64_t column, int64_t width, float factor, T* out) {
  float sums[kLane] = {};
  for (const CacheRun<T>& run : runs) {
    for (int64_t t = 0; t < run.length; ++t) {
      const T* value = run.values + t * width + column;
      for (int64_t i = 0; i < width - column; ++i) sums[i] += weights[t] * to_float(value[i]);
    }
    weights += run.length;
  }
  for (int64_t i = 0; i < width - column; ++i) store(out[column + i], sums[i] * factor);
}

// H heads from `first` on, whose queries and results lie one after the other.
template <int H, class T>
RELATA_INLINE void attend_heads(const T* q, const std::vector<CacheRun<T>>& runs, T* out,
                                const GroupAttention& group, int64_t first, float* scratch) {
  const int64_t width = group.width;
  float* queries = scratch;
  float* scores = scratch + H * width;
  for (int64_t e = 0; e < H * width; ++e) queries[e] = to_float(q[e]);
  int64_t tokens = 0;
  for (const CacheRun<T>& run : runs) tokens += run.length;
  const int64_t stride = tokens + kKeyBlock;
  int64_t end = 0;
  for (const CacheRun<T>& run : runs) {
    // The rest of a run's last block holds nothing; the next run's scores take its place.
    for (int64_t begin = 0; begin < run.length; begin += kKeyBlock) {
      score_block<H>(queries, run.keys + begin * width, width, group.scale, scores + end + begin,
                     stride);
    }
    end += run.length;
  }
  float factors[H];
  for (int h = 0; h < H; ++h) {
    factors[h] = weigh_scores(runs, group, first + h, scores + h * stride, tokens);
  }
  constexpr int kColumns = H > 2 ? 2 : 4;  // so that the sums stay in registers
  int64_t e = 0;
  for (; e + kColumns * kLane <= width; e += kColumns * kLane) {
    weigh_values<H, kColumns>(runs, scores, stride, e, width, factors, out);
  }
  for (; e + kLane <= width; e += kLane) {
    weigh_values<H, 1>(runs, scores, stride, e, width, factors, out);
  }
  for (int h = 0; e < width && h < H; ++h) {
    weigh_rest(runs, scores + h * stride, e, width, factors[h], out + h * width);
  }
}

template <class T>
RELATA_INLINE void attend_group_body(const T* q, const std::vector<CacheRun<T>>& runs, T* out,
                                     const GroupAttention& group, float* scratch) {
  for (int64_t h = 0; h < group.heads;) {
    const int64_t left = group.heads - h, at = h * group.width;
    if (left >= kHeadsTogether) {
      attend_heads<kHeadsTogether>(q + at, runs, out + at, group, h, scratch);
      h += kHeadsTogether;
    } else if (left == 3) {
      attend_heads<3>(q + at, runs, out + at, group, h, scratch);
      h += 3;
    } else if (left == 2) {
      attend_heads<2>(q + at, runs, out + at, group, h, scratch);
      h += 2;
    } else {
      attend_heads<1>(q + at, runs, out + at, group, h, scratch);
      ++h;
    }
  }
}

}  // namespace

RELATA_CLONES void store_key(const float* key, float* blocks, int64_t index, int64_t width) {
  store_key_body(key, blocks, index, width);
}
RELATA_CLONES void store_key(const Bf16* key, Bf16* blocks, int64_t index, int64_t width) {
  store_key_body(key, blocks, index, width);
}
RELATA_CLONES void attend_group(const float* q, const std::vector<CacheRun<float>>& runs,
                                float* out, const GroupAttention& group, float* scratch) {
  attend_group_body(q, runs, out, group, scratch);
}
RELATA_CLONES void attend_group(const Bf16* q, const std::vector<CacheRun<Bf16>>& runs, Bf16* out,
                                const GroupAttention& group, float* scratch) {
  attend_group_body(q, runs, out, group, scratch);
}

}  // namespace relata::kernels
