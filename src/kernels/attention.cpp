#include "relata/kernels/attention.h"

#include <algorithm>
#include <cstring>

#include "tile.h"

namespace relata::kernels {
namespace {

constexpr int64_t kBlock = 24;       // query rows worked on at once; a multiple of kTileRows
constexpr int64_t kPieceRows = 256;  // of fewer, what a piece reads again costs too much
constexpr int64_t kMostPieces = 8;   // of a tree
constexpr int64_t kMostSums = 32;    // of all heads of a tree together: each takes [2, tree, width]

RELATA_INLINE int64_t padded(int64_t n) { return (n + kLane - 1) / kLane * kLane; }

// c[m, n] (+)= a[m, k] b[k, n]; n a multiple of 16; b and c have unit column strides.
RELATA_INLINE void multiply(const Matrix& a, const float* b, int64_t b_stride, float* c,
                            int64_t c_stride, int64_t m, int64_t n, int64_t k, bool add) {
  multiply_panels(a, Panels<float>{b, b_stride, kLane}, c, c_stride, m, n / kLane, k, add);
}

template <class T>
RELATA_INLINE void widen(const T* in, float* out, int64_t n, float scale) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) out[i] = to_float(in[i]) * scale;
}

// out[E] = in[E] turned by the token's angles (Su et al. 2021, the "rotate half" form), scaled.
template <class T>
RELATA_INLINE void rotated(const T* in, const float* cos, const float* sin, int64_t half,
                           float scale, float* out) {
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float first = to_float(in[i]) * scale;
    const float second = to_float(in[i + half]) * scale;
    out[i] = first * cos[i] - second * sin[i];
    out[i + half] = second * cos[i] + first * sin[i];
  }
}

template <class T>
RELATA_INLINE void store_turned_back(const float* in, const float* cos, const float* sin,
                                     int64_t half, float scale, T* out) {
#pragma omp simd
  for (int64_t i = 0; i < half; ++i) {
    const float first = in[i] * scale;
    const float second = in[i + half] * scale;
    store(out[i], first * cos[i] + second * sin[i]);
    store(out[i + half], second * cos[i] - first * sin[i]);
  }
}

int64_t context_length(const AttentionSegment& segment) {
  int64_t length = 0;
  for (const Span& span : segment.context) length += span.length;
  return length;
}

int64_t longest_sight(const AttentionTree& tree) {
  int64_t longest = 0;
  for (const AttentionSegment& s : tree.segments) {
    longest = std::max(longest, context_length(s) + s.own.length);
  }
  return longest;
}

bool same_context(const AttentionSegment& a, const AttentionSegment& b) {
  return a.context.size() == b.context.size() &&
         std::equal(a.context.begin(), a.context.end(), b.context.begin(),
                    [](const Span& x, const Span& y) { return x.begin == y.begin; });
}

// Where a call's buffers lie in the scratch vector.
struct Buffers {
  int64_t width;   // E rounded up to whole vectors
  int64_t stride;  // longest sight of the tree, rounded up
  float* keys;     // [sight, width]
  float* values;   // [sight, width]
  float* keys_t;   // [width, stride]
  float* values_t;
  float* scores;   // [kBlock, stride]
  float* dscores;  // [kBlock, stride]
  float* queries;  // [kBlock, width]
  float* rows;     // [kBlock, width]
  float* dkeys;    // [sight, width], of a segment with ancestors
  float* dvalues;
};

Buffers lay_out(AttentionScratch& scratch, const AttentionShape& shape, const AttentionTree& tree,
                bool backward) {
  Buffers b{};
  b.width = padded(shape.width);
  b.stride = padded(longest_sight(tree));
  const int64_t square = b.width * b.stride;
  const int64_t block = kBlock * b.stride;
  const int64_t rows = kBlock * b.width;
  int64_t size = 3 * square + block + 2 * rows;
  if (backward) size += 3 * square + block;
  if (scratch.size() < static_cast<size_t>(size)) scratch.resize(static_cast<size_t>(size));
  float* at = scratch.data();
  // Columns beyond the head's width must be zero, whoever used the memory before. What lies beyond
  // the sight is never added to anything.
  if (b.width != shape.width) std::fill(at, at + size, 0.0F);
  const auto take = [&at](int64_t n) {
    float* taken = at;
    at += n;
    return taken;
  };
  b.keys = take(square);
  b.values = take(square);
  b.keys_t = take(square);
  b.scores = take(block);
  b.queries = take(rows);
  b.rows = take(rows);
  if (!backward) return b;
  b.values_t = take(square);
  b.dscores = take(block);
  b.dkeys = take(square);
  b.dvalues = take(square);
  return b;
}

// Strides and columns of one query head and its key/value head.
struct Head {
  int64_t stride;  // of a row of qkv
  int64_t half;
  int64_t query, key, value;  // first columns in qkv
  int64_t out;                // first column in out
  int64_t out_stride;
  int64_t index;
};

RELATA_INLINE Head head_of(const AttentionShape& s, int64_t key_value_head, int64_t member) {
  const int64_t groups = s.query_heads / s.key_value_heads;
  const int64_t index = key_value_head * groups + member;
  return {(s.query_heads + 2 * s.key_value_heads) * s.width,
          s.width / 2,
          index * s.width,
          (s.query_heads + key_value_head) * s.width,
          (s.query_heads + s.key_value_heads + key_value_head) * s.width,
          index * s.width,
          s.query_heads * s.width,
          index};
}

// Reads rows [from, from + span.length) of what a segment sees.
template <class A>
RELATA_INLINE void read_span(const A& a, const Head& head, const Span& span, int64_t from,
                             const Buffers& b) {
  const int64_t width = a.shape.width;
  for (int64_t i = 0; i < span.length; ++i) {
    const int64_t token = span.begin + i;
    const int64_t row = from + i;
    float* key = b.keys + row * b.width;
    float* value = b.values + row * b.width;
    const auto* source = a.qkv + token * head.stride;
    rotated(source + head.key, a.cos + token * head.half, a.sin + token * head.half, head.half,
            1.0F, key);
    widen(source + head.value, value, width, 1.0F);
    for (int64_t e = 0; e < width; ++e) b.keys_t[e * b.stride + row] = key[e];
    if (b.values_t == nullptr) continue;
    for (int64_t e = 0; e < width; ++e) b.values_t[e * b.stride + row] = value[e];
  }
}

// What of a segment lies within some rows: tokens [begin, end) of its own.
struct Part {
  int64_t begin, end;
};

RELATA_INLINE Part part_within(const Span& own, const Span& rows) {
  const int64_t begin = std::max<int64_t>(0, rows.begin - own.begin);
  return {begin, std::min(own.length, rows.begin + rows.length - own.begin)};
}

// Reads what the part's last token sees; returns how many of that are ancestors' tokens. Neighbours
// that share all ancestors, as the branches of one prompt do, read those once: `before` is the
// segment read last, or null.
template <class A>
RELATA_INLINE int64_t read_sight(const A& a, const Head& head, const AttentionSegment& segment,
                                 int64_t end, const AttentionSegment* before, const Buffers& b) {
  int64_t from = 0;
  const bool known = before != nullptr && same_context(segment, *before);
  for (const Span& span : segment.context) {
    if (!known) read_span(a, head, span, from, b);
    from += span.length;
  }
  read_span(a, head, {segment.own.begin, end}, from, b);
  return from;
}

template <class A>
RELATA_INLINE void read_queries(const A& a, const Head& head, int64_t token, int64_t rows,
                                float scale, const Buffers& b) {
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t t = token + i;
    rotated(a.qkv + t * head.stride + head.query, a.cos + t * head.half, a.sin + t * head.half,
            head.half, scale, b.queries + i * b.width);
  }
}

// Turns a row's scores into exp(score - largest); returns the sum.
RELATA_INLINE float exponentials(float* scores, int64_t visible, int64_t end, float* largest) {
  float most = -INFINITY;
#pragma omp simd reduction(max : most)
  for (int64_t j = 0; j < visible; ++j) most = std::max(most, scores[j]);
  float total = 0.0F;
#pragma omp simd reduction(+ : total)
  for (int64_t j = 0; j < visible; ++j) {
    scores[j] = fast_exp(scores[j] - most);
    total += scores[j];
  }
  for (int64_t j = visible; j < end; ++j) scores[j] = 0.0F;
  *largest = most;
  return total;
}

template <class T>
RELATA_INLINE void forward_block(const Attention<T>& a, const Head& head, const Span& own,
                                 int64_t before, Part block, const Buffers& b) {
  const auto [begin, end] = block;
  const int64_t rows = end - begin;
  const int64_t sight = before + begin + rows;
  const int64_t token = own.begin + begin;
  const int64_t width = a.shape.width;
  read_queries(a, head, token, rows, a.shape.scale, b);
  multiply({b.queries, b.width, 1}, b.keys_t, b.stride, b.scores, b.stride, rows, padded(sight),
           width, false);
  float inverse[kBlock];
  for (int64_t i = 0; i < rows; ++i) {
    float largest = 0.0F;
    const float total =
        exponentials(b.scores + i * b.stride, before + begin + i + 1, sight, &largest);
    inverse[i] = 1.0F / total;
    a.logsumexp[(token + i) * a.shape.query_heads + head.index] = largest + std::log(total);
  }
  multiply({b.scores, b.stride, 1}, b.values, b.width, b.rows, b.width, rows, b.width, sight,
           false);
  for (int64_t i = 0; i < rows; ++i) {
    T* out = a.out + (token + i) * head.out_stride + head.out;
    const float* row = b.rows + i * b.width;
#pragma omp simd
    for (int64_t e = 0; e < width; ++e) store(out[e], row[e] * inverse[i]);
  }
}

template <class T>
RELATA_INLINE void forward_body(const Attention<T>& a, const AttentionTree& tree,
                                int64_t key_value_head, const Span& within,
                                AttentionScratch& scratch) {
  const Buffers b = lay_out(scratch, a.shape, tree, false);
  const int64_t groups = a.shape.query_heads / a.shape.key_value_heads;
  const Head first = head_of(a.shape, key_value_head, 0);
  const AttentionSegment* read = nullptr;
  for (const AttentionSegment& segment : tree.segments) {
    const Part part = part_within(segment.own, within);
    if (part.begin >= part.end) continue;
    const int64_t before = read_sight(a, first, segment, part.end, read, b);
    read = &segment;
    for (int64_t g = 0; g < groups; ++g) {
      const Head head = head_of(a.shape, key_value_head, g);
      for (int64_t at = part.begin; at < part.end; at += kBlock) {
        forward_block(a, head, segment.own, before, {at, std::min(at + kBlock, part.end)}, b);
      }
    }
  }
}

// Probabilities of a row again, and with them the gradient of its scores.
RELATA_INLINE void score_gradients(float* scores, float* dscores, float logsumexp, float delta,
                                   int64_t visible, int64_t end) {
#pragma omp simd
  for (int64_t j = 0; j < visible; ++j) {
    const float probability = fast_exp(scores[j] - logsumexp);
    scores[j] = probability;
    dscores[j] = probability * (dscores[j] - delta);
  }
  for (int64_t j = visible; j < end; ++j) scores[j] = dscores[j] = 0.0F;
}

template <class T>
RELATA_INLINE void backward_block(const AttentionGrad<T>& a, const Head& head, const Span& own,
                                  int64_t before, Part block, float* dkeys, float* dvalues,
                                  const Buffers& b) {
  const auto [begin, end] = block;
  const int64_t rows = end - begin;
  const int64_t sight = before + begin + rows;
  const int64_t token = own.begin + begin;
  const int64_t width = a.shape.width;
  const float scale = a.shape.scale;
  read_queries(a, head, token, rows, scale, b);
  multiply({b.queries, b.width, 1}, b.keys_t, b.stride, b.scores, b.stride, rows, padded(sight),
           width, false);
  float delta[kBlock];
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = (token + i) * head.out_stride + head.out;
    float* dout = b.rows + i * b.width;
    float dot = 0.0F;
#pragma omp simd reduction(+ : dot)
    for (int64_t e = 0; e < width; ++e) {
      dout[e] = to_float(a.dout[at + e]);
      dot += dout[e] * to_float(a.out[at + e]);
    }
    delta[i] = dot;
  }
  multiply({b.rows, b.width, 1}, b.values_t, b.stride, b.dscores, b.stride, rows, padded(sight),
           width, false);
  for (int64_t i = 0; i < rows; ++i) {
    score_gradients(b.scores + i * b.stride, b.dscores + i * b.stride,
                    a.logsumexp[(token + i) * a.shape.query_heads + head.index], delta[i],
                    before + begin + i + 1, sight);
  }
  // The queries carry the scale, so the keys' gradient needs none.
  multiply({b.dscores, 1, b.stride}, b.queries, b.width, dkeys, b.width, sight, b.width, rows,
           true);
  multiply({b.scores, 1, b.stride}, b.rows, b.width, dvalues, b.width, sight, b.width, rows, true);
  multiply({b.dscores, b.stride, 1}, b.keys, b.width, b.rows, b.width, rows, b.width, sight, false);
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t t = token + i;
    store_turned_back(b.rows + i * b.width, a.cos + t * head.half, a.sin + t * head.half, head.half,
                      scale, a.dqkv + t * head.stride + head.query);
  }
}

RELATA_INLINE void add_rows(float* target, const float* source, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) target[i] += source[i];
}

// Gradients of a tree's keys and values for one head, turned as the keys are: [tree tokens, width]
// each.
struct Sums {
  float* keys;
  float* values;
};

RELATA_INLINE Sums sums_at(float* memory, const AttentionShape& shape, const AttentionTree& tree) {
  return {memory, memory + tree.length * padded(shape.width)};
}

// Adds rows [from, from + span.length) of both gradients.
RELATA_INLINE void add_span(Sums sums, const Span& span, const AttentionTree& tree,
                            const float* dkeys, const float* dvalues, int64_t from, int64_t width) {
  const int64_t to = (span.begin - tree.begin) * width;
  add_rows(sums.keys + to, dkeys + from * width, span.length * width);
  add_rows(sums.values + to, dvalues + from * width, span.length * width);
}

template <class T>
RELATA_INLINE void backward_segment(const AttentionGrad<T>& a, const AttentionTree& tree,
                                    const AttentionSegment& segment, Part part, int64_t before,
                                    int64_t key_value_head, Sums sums, const Buffers& b) {
  const bool alone = before == 0;
  const int64_t own_row = segment.own.begin - tree.begin;
  float* dkeys = alone ? sums.keys + own_row * b.width : b.dkeys;
  float* dvalues = alone ? sums.values + own_row * b.width : b.dvalues;
  if (!alone) {
    const size_t size = (before + part.end) * b.width * sizeof(float);
    std::memset(dkeys, 0, size);
    std::memset(dvalues, 0, size);
  }
  const int64_t groups = a.shape.query_heads / a.shape.key_value_heads;
  for (int64_t g = 0; g < groups; ++g) {
    const Head head = head_of(a.shape, key_value_head, g);
    for (int64_t at = part.begin; at < part.end; at += kBlock) {
      backward_block(a, head, segment.own, before, {at, std::min(at + kBlock, part.end)}, dkeys,
                     dvalues, b);
    }
  }
  if (alone) return;
  int64_t from = 0;
  for (const Span& span : segment.context) {
    add_span(sums, span, tree, dkeys, dvalues, from, b.width);
    from += span.length;
  }
  add_span(sums, {segment.own.begin, part.end}, tree, dkeys, dvalues, from, b.width);
}

template <class T>
RELATA_INLINE void backward_body(const AttentionGrad<T>& a, const AttentionTree& tree,
                                 int64_t key_value_head, const Span& within, float* sums,
                                 AttentionScratch& scratch) {
  const Buffers b = lay_out(scratch, a.shape, tree, true);
  std::fill(sums, sums + attention_sums_size(a.shape, tree), 0.0F);
  const Head first = head_of(a.shape, key_value_head, 0);
  const AttentionSegment* read = nullptr;
  for (const AttentionSegment& segment : tree.segments) {
    const Part part = part_within(segment.own, within);
    if (part.begin >= part.end) continue;
    const int64_t before = read_sight(a, first, segment, part.end, read, b);
    read = &segment;
    backward_segment(a, tree, segment, part, before, key_value_head, sums_at(sums, a.shape, tree),
                     b);
  }
}

template <class T>
RELATA_INLINE void store_body(const AttentionGrad<T>& a, const AttentionTree& tree,
                              int64_t key_value_head, float* sums, int64_t pieces) {
  const int64_t size = attention_sums_size(a.shape, tree);
  for (int64_t i = 1; i < pieces; ++i) add_rows(sums, sums + i * size, size);
  const Sums total = sums_at(sums, a.shape, tree);
  const int64_t width = padded(a.shape.width);
  const Head head = head_of(a.shape, key_value_head, 0);
  for (int64_t i = 0; i < tree.length; ++i) {
    const int64_t token = tree.begin + i;
    T* target = a.dqkv + token * head.stride;
    store_turned_back(total.keys + i * width, a.cos + token * head.half, a.sin + token * head.half,
                      head.half, 1.0F, target + head.key);
    const float* dvalue = total.values + i * width;
#pragma omp simd
    for (int64_t e = 0; e < a.shape.width; ++e) store(target[head.value + e], dvalue[e]);
  }
}

}  // namespace

std::vector<Span> attention_pieces(const AttentionShape& shape, const AttentionTree& tree) {
  const int64_t most =
      std::min(kMostPieces, std::max<int64_t>(1, kMostSums / shape.key_value_heads));
  const int64_t count = std::clamp<int64_t>(tree.length / kPieceRows, 1, most);
  // A row's work is what it sees, so that pieces of equal work have fewer of the late rows.
  const auto work_of = [](const AttentionSegment& s, int64_t begin, int64_t end) {
    return static_cast<double>(end - begin) *
           (static_cast<double>(context_length(s)) + static_cast<double>(begin + end + 1) / 2);
  };
  double total = 0;
  for (const AttentionSegment& s : tree.segments) total += work_of(s, 0, s.own.length);
  std::vector<Span> pieces;
  int64_t begin = tree.begin;
  double done = 0;
  for (const AttentionSegment& s : tree.segments) {
    for (int64_t at = 0; at < s.own.length; at += kBlock) {
      const int64_t end = std::min(at + kBlock, s.own.length);
      done += work_of(s, at, end);
      const auto next = static_cast<double>(pieces.size() + 1);
      if (next >= static_cast<double>(count) || done * static_cast<double>(count) < total * next) {
        continue;
      }
      pieces.push_back({begin, s.own.begin + end - begin});
      begin = s.own.begin + end;
    }
  }
  pieces.push_back({begin, tree.begin + tree.length - begin});
  return pieces;
}

int64_t attention_sums_size(const AttentionShape& shape, const AttentionTree& tree) {
  return 2 * tree.length * padded(shape.width);
}

RELATA_CLONES void attention_forward(const Attention<float>& a, const AttentionTree& tree,
                                     int64_t key_value_head, const Span& within,
                                     AttentionScratch& scratch) {
  forward_body(a, tree, key_value_head, within, scratch);
}
RELATA_CLONES void attention_forward(const Attention<Bf16>& a, const AttentionTree& tree,
                                     int64_t key_value_head, const Span& within,
                                     AttentionScratch& scratch) {
  forward_body(a, tree, key_value_head, within, scratch);
}
RELATA_CLONES void attention_backward(const AttentionGrad<float>& a, const AttentionTree& tree,
                                      int64_t key_value_head, const Span& within, float* sums,
                                      AttentionScratch& scratch) {
  backward_body(a, tree, key_value_head, within, sums, scratch);
}
RELATA_CLONES void attention_backward(const AttentionGrad<Bf16>& a, const AttentionTree& tree,
                                      int64_t key_value_head, const Span& within, float* sums,
                                      AttentionScratch& scratch) {
  backward_body(a, tree, key_value_head, within, sums, scratch);
}
RELATA_CLONES void store_key_gradients(const AttentionGrad<float>& a, const AttentionTree& tree,
                                       int64_t key_value_head, float* sums, int64_t pieces) {
  store_body(a, tree, key_value_head, sums, pieces);
}
RELATA_CLONES void store_key_gradients(const AttentionGrad<Bf16>& a, const AttentionTree& tree,
                                       int64_t key_value_head, float* sums, int64_t pieces) {
  store_body(a, tree, key_value_head, sums, pieces);
}

}  // namespace relata::kernels
