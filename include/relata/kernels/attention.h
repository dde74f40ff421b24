// Causal attention over packed sequences that may share prefixes, forward and backward.
//
// legend: N packed tokens; L tokens of one segment; H query heads; K key/value heads; E head width.
// A segment's token sees the tokens of the segment's ancestors and its own segment up to itself.
// Rotary angles are applied while rows are read, and taken back from the gradients, so that
// rotated copies never exist. Rows are widened to float, and all arithmetic is in float.
//
// Work is handed out per (tree, key/value head, piece): a tree is one root segment and all that
// descend from it, which lie next to each other in the packed batch; a piece is some of its rows.
// Cost of a segment of L tokens whose ancestors have P: 4 L (P + L/2) E flops per query head
// forward, 2.5 times that backward. The blockwise recomputation follows Dao et al. 2022
// (FlashAttention).
#pragma once

#include <cstdint>
#include <vector>

#include "relata/kernels/bf16.h"

namespace relata::kernels {

struct Span {
  int64_t begin = 0;
  int64_t length = 0;
};

// `context`: the ancestors' spans, outermost first.
struct AttentionSegment {
  Span own;
  std::vector<Span> context;
};

// One tree; the tokens of all its segments are [begin, begin + length).
struct AttentionTree {
  int64_t begin = 0;
  int64_t length = 0;
  std::vector<AttentionSegment> segments;
};

struct AttentionShape {
  int64_t query_heads = 0;
  int64_t key_value_heads = 0;
  int64_t width = 0;   // E, even
  float scale = 1.0F;  // of the scores
};

// qkv [N, (H + 2K) * E], before rotation; cos, sin [N, E/2]; out [N, H * E]; logsumexp [N, H].
template <class T>
struct Attention {
  AttentionShape shape;
  const T* qkv;
  const float* cos;
  const float* sin;
  T* out;
  float* logsumexp;
};

// dqkv [N, (H + 2K) * E]
template <class T>
struct AttentionGrad {
  AttentionShape shape;
  const T* qkv;
  const float* cos;
  const float* sin;
  const T* out;
  const float* logsumexp;
  const T* dout;
  T* dqkv;
};

// Scratch memory, kept between calls by the caller; one per thread.
using AttentionScratch = std::vector<float>;

// Cuts a tree's tokens into pieces of about the same work, one where the tree is short. They depend
// on the tree and the heads alone, so that sums have the same order whatever runs them.
std::vector<Span> attention_pieces(const AttentionShape& shape, const AttentionTree& tree);

// The rows of `out` and `logsumexp` that lie `within` these tokens.
void attention_forward(const Attention<float>& a, const AttentionTree& tree, int64_t key_value_head,
                       const Span& within, AttentionScratch& scratch);
void attention_forward(const Attention<Bf16>& a, const AttentionTree& tree, int64_t key_value_head,
                       const Span& within, AttentionScratch& scratch);

// Floats of `sums` for one head and piece: what it adds to the gradients of keys and values.
int64_t attention_sums_size(const AttentionShape& shape, const AttentionTree& tree);

// The gradients of the queries `within` these tokens are written to dqkv, what these rows give to
// keys and values to `sums`.
void attention_backward(const AttentionGrad<float>& a, const AttentionTree& tree,
                        int64_t key_value_head, const Span& within, float* sums,
                        AttentionScratch& scratch);
void attention_backward(const AttentionGrad<Bf16>& a, const AttentionTree& tree,
                        int64_t key_value_head, const Span& within, float* sums,
                        AttentionScratch& scratch);

// Writes the gradients of keys and values to dqkv: the sums of all pieces, which lie one behind the
// other, the first of which is overwritten.
void store_key_gradients(const AttentionGrad<float>& a, const AttentionTree& tree,
                         int64_t key_value_head, float* sums, int64_t pieces);
void store_key_gradients(const AttentionGrad<Bf16>& a, const AttentionTree& tree,
                         int64_t key_value_head, float* sums, int64_t pieces);

// Cached keys of one head lie in blocks of kKeyBlock tokens, within a block by column: [blocks, E,
// kKeyBlock]. Scores of a block are then sums of whole vectors.
constexpr int64_t kKeyBlock = 16;

// Writes one key [E] as token `index` of a head's blocks.
void store_key(const float* key, float* blocks, int64_t index, int64_t width);
void store_key(const Bf16* key, Bf16* blocks, int64_t index, int64_t width);

// A run of cached tokens of one head: keys in blocks as above, values [length, E]. The first `skip`
// are not seen.
template <class T>
struct CacheRun {
  const T* keys;
  const T* values;
  int64_t length;
  int64_t skip = 0;
};

// Query heads of one token that share a key/value head. Four of them read the cache together.
struct GroupAttention {
  int64_t heads = 0;
  int64_t width = 0;
  float scale = 1.0F;
  const float* slopes = nullptr;  // [heads], of scores that fall with distance; null: none
  // [heads, 2 D + 1], added to scores: column D - min(D, distance) of how far the token stands
  // before the last; null: none
  const float* relative = nullptr;
  int64_t farthest = 0;  // D
};
constexpr int64_t kHeadsTogether = 4;

// Floats of scratch that attend_group() needs over these runs.
template <class T>
int64_t attend_group_scratch(const std::vector<CacheRun<T>>& runs, int64_t width) {
  int64_t size = width + kKeyBlock;
  for (const CacheRun<T>& run : runs) size += run.length;
  return size * kHeadsTogether;
}

// Each head against all runs together: out = softmax(scale q k^T + slope t + relative) v for the
// tokens t = 0, 1, ... of the runs. q, rotated, and out [heads, E]. How a sequence is cut into
// runs, and which heads are computed together, does not change a result. Cost: one read of the runs
// for four heads, at about the memory's speed.
void attend_group(const float* q, const std::vector<CacheRun<float>>& runs, float* out,
                  const GroupAttention& group, float* scratch);
void attend_group(const Bf16* q, const std::vector<CacheRun<Bf16>>& runs, Bf16* out,
                  const GroupAttention& group, float* scratch);

}  // namespace relata::kernels
