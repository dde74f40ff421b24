#include "relata/kernels/cached_attention.h"

#include <algorithm>
#include <cmath>

#include "tile.h"

namespace relata::kernels {
namespace {

constexpr int64_t kBlock = 24;   // queries worked on at once; a multiple of kTileRows
constexpr int64_t kChunk = 256;  // keys worked on at once; a multiple of 4 kKeyBlock

static_assert(kKeyBlock == kLane);

// Where a call's buffers lie in the scratch vector. Queries are ordered by row, then by head.
struct Buffers {
  int64_t width;   // E rounded up to whole vectors
  float* queries;  // [rows * heads, width], rotated and scaled
  float* sums;     // [rows * heads, width] of values by weight
  float* largest;  // [rows * heads] score so far
  float* totals;   // [rows * heads] of weights
  float* scores;   // [kBlock, kChunk]
  float* values;   // [kChunk, width], where E is no multiple of 16
};

Buffers lay_out(AttentionScratch& scratch, int64_t width, int64_t queries) {
  Buffers b{};
  b.width = (width + kLane - 1) / kLane * kLane;
  const int64_t size = 2 * queries * b.width + 2 * queries + kBlock * kChunk + kChunk * b.width;
  if (scratch.size() < static_cast<size_t>(size)) scratch.resize(static_cast<size_t>(size));
  float* at = scratch.data();
  const auto take = [&at](int64_t n) {
    float* taken = at;
    at += n;
    return taken;
  };
  b.queries = take(queries * b.width);
  b.sums = take(queries * b.width);
  b.largest = take(queries);
  b.totals = take(queries);
  b.scores = take(kBlock * kChunk);
  b.values = take(kChunk * b.width);
  std::fill_n(b.sums, queries * b.width, 0.0F);
  std::fill_n(b.largest, queries, -INFINITY);
  std::fill_n(b.totals, queries, 0.0F);
  if (b.width != width) std::fill_n(b.values, kChunk * b.width, 0.0F);
  return b;
}

template <class T>
RELATA_INLINE void read_queries(const CachedAttention<T>& a, int64_t key_value_head, Span rows,
                                const Buffers& b) {
  const AttentionShape& s = a.shape;
  const int64_t groups = s.query_heads / s.key_value_heads;
  const int64_t stride =
      a.stride > 0 ? a.stride : (s.query_heads + 2 * s.key_value_heads) * s.width;
  const int64_t half = s.width / 2;
  float* out = b.queries;
  for (int64_t row = rows.begin; row < rows.begin + rows.length; ++row) {
    const float* cos = a.cos + row * half;
    const float* sin = a.sin + row * half;
    const T* in = a.qkv + row * stride + key_value_head * groups * s.width;
    for (int64_t g = 0; g < groups; ++g, in += s.width, out += b.width) {
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const float first = to_float(in[i]) * s.scale;
        const float second = to_float(in[i + half]) * s.scale;
        out[i] = first * cos[i] - second * sin[i];
        out[i + half] = second * cos[i] + first * sin[i];
      }
    }
  }
}

// Turns a query's scores of a chunk into weights by its new largest score, and brings what was
// summed before to the same.
RELATA_INLINE void weigh(float* scores, int64_t visible, int64_t end, float* sums, int64_t width,
                         float& largest, float& total) {
  float most = largest;
#pragma omp simd reduction(max : most)
  for (int64_t j = 0; j < visible; ++j) most = std::max(most, scores[j]);
  if (most > largest) {
    const float factor = fast_exp(largest - most);
    total *= factor;
#pragma omp simd
    for (int64_t e = 0; e < width; ++e) sums[e] *= factor;
    largest = most;
  }
  float added = 0.0F;
#pragma omp simd reduction(+ : added)
  for (int64_t j = 0; j < visible; ++j) {
    scores[j] = fast_exp(scores[j] - most);
    added += scores[j];
  }
  total += added;
  for (int64_t j = visible; j < end; ++j) scores[j] = 0.0F;
}

template <class T>
RELATA_INLINE Panels<T> values_of(const SharedRun<T>& run, int64_t begin, int64_t width) {
  return {run.values + begin * width, width, kLane};
}

// `count` queries from `first` on against keys [begin, begin + length) of the run.
template <class T>
RELATA_INLINE void attend_chunk(const SharedRun<T>& run, int64_t begin, int64_t length,
                                int64_t width, int64_t groups, int64_t first, int64_t count,
                                int64_t run_first, const Buffers& b) {
  const float* queries = b.queries + first * b.width;
  float* sums = b.sums + first * b.width;
  const Panels<T> keys{run.keys + begin * width, kKeyBlock, kKeyBlock * width};
  multiply_panels({queries, b.width, 1}, keys, b.scores, kChunk, count,
                  (length + kLane - 1) / kLane, width, false);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = (first + i - run_first) / groups;
    const int64_t seen = row < run.own_rows ? run.length - run.own_rows + row + 1 : run.length;
    weigh(b.scores + i * kChunk, std::clamp<int64_t>(seen - begin, 0, length), length,
          sums + i * b.width, b.width, b.largest[first + i], b.totals[first + i]);
  }
  if (b.width == width) {
    multiply_panels({b.scores, kChunk, 1}, values_of(run, begin, width), sums, b.width, count,
                    width / kLane, length, true);
    return;
  }
  for (int64_t t = 0; t < length; ++t) {
    const T* row = run.values + (begin + t) * width;
    for (int64_t e = 0; e < width; ++e) b.values[t * b.width + e] = to_float(row[e]);
  }
  multiply_panels({b.scores, kChunk, 1}, Panels<float>{b.values, b.width, kLane}, sums, b.width,
                  count, b.width / kLane, length, true);
}

template <class T>
RELATA_INLINE void attend_run(const SharedRun<T>& run, Span rows, int64_t width, int64_t groups,
                              const Buffers& b) {
  const int64_t run_first = (run.first_row - rows.begin) * groups;
  const int64_t run_last = run_first + run.rows * groups;
  for (int64_t first = run_first; first < run_last; first += kBlock) {
    const int64_t count = std::min(kBlock, run_last - first);
    const int64_t last_row = (first + count - 1 - run_first) / groups;
    const int64_t seen =
        last_row < run.own_rows ? run.length - run.own_rows + last_row + 1 : run.length;
    for (int64_t begin = 0; begin < seen; begin += kChunk) {
      attend_chunk(run, begin, std::min(kChunk, seen - begin), width, groups, first, count,
                   run_first, b);
    }
  }
}

template <class T>
RELATA_INLINE void attend_runs_body(const CachedAttention<T>& a,
                                    const std::vector<SharedRun<T>>& runs, int64_t key_value_head,
                                    Span rows, AttentionScratch& scratch) {
  const AttentionShape& s = a.shape;
  const int64_t groups = s.query_heads / s.key_value_heads;
  const Buffers b = lay_out(scratch, s.width, rows.length * groups);
  read_queries(a, key_value_head, rows, b);
  for (const SharedRun<T>& run : runs) attend_run(run, rows, s.width, groups, b);
  for (int64_t row = 0; row < rows.length; ++row) {
    T* out = a.out + ((rows.begin + row) * s.query_heads + key_value_head * groups) * s.width;
    for (int64_t g = 0; g < groups; ++g, out += s.width) {
      const float* sums = b.sums + (row * groups + g) * b.width;
      const float factor = 1.0F / b.totals[row * groups + g];
#pragma omp simd
      for (int64_t e = 0; e < s.width; ++e) store(out[e], sums[e] * factor);
    }
  }
}

}  // namespace

RELATA_CLONES void attend_runs(const CachedAttention<float>& a,
                               const std::vector<SharedRun<float>>& runs, int64_t key_value_head,
                               Span rows, AttentionScratch& scratch) {
  attend_runs_body(a, runs, key_value_head, rows, scratch);
}
RELATA_CLONES void attend_runs(const CachedAttention<Bf16>& a,
                               const std::vector<SharedRun<Bf16>>& runs, int64_t key_value_head,
                               Span rows, AttentionScratch& scratch) {
  attend_runs_body(a, runs, key_value_head, rows, scratch);
}

}  // namespace relata::kernels
