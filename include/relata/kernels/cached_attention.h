// Attention of new tokens over keys and values that are cached, in a tree: what many tokens share
// is multiplied with all of them at once, and each token's parts are merged (Dao et al. 2022).
//
// legend: H query heads; K key/value heads; E head width; R rows (new tokens) of a tree.
// Cost: 4 E flops for each key that a row sees, per query head; keys and values of a run are read
// once for 24 queries. Arithmetic is in float. A row's result depends on how its own path is cut
// into runs, not on what other rows there are.
#pragma once

#include <cstdint>
#include <vector>

#include "relata/kernels/attention.h"
#include "relata/kernels/bf16.h"

namespace relata::kernels {

// A run of tokens of one key/value head and the rows that see it, which lie side by side. The first
// `own_rows` of them are the run's own last tokens, each of which sees the run up to itself; the
// others see all of it.
template <class T>
struct SharedRun {
  const T* keys;    // [blocks, E, kKeyBlock], rotated
  const T* values;  // [length, E]
  int64_t length;
  int64_t first_row;
  int64_t rows;
  int64_t own_rows;
};

// qkv [N, (H + 2K) * E], of which the queries are read, before rotation; cos, sin [N, E/2];
// out [N, H * E].
template <class T>
struct CachedAttention {
  AttentionShape shape;
  const T* qkv;
  const float* cos;
  const float* sin;
  T* out;
  int64_t stride = 0;  // of qkv's rows; 0: (H + 2K) * E
};

// The query heads of one key/value head, for rows [first_row, first_row + rows), all of whose keys
// are in `runs`. A row must see something.
void attend_runs(const CachedAttention<float>& a, const std::vector<SharedRun<float>>& runs,
                 int64_t key_value_head, Span rows, AttentionScratch& scratch);
void attend_runs(const CachedAttention<Bf16>& a, const std::vector<SharedRun<Bf16>>& runs,
                 int64_t key_value_head, Span rows, AttentionScratch& scratch);

}  // namespace relata::kernels
