// Differentiable operations of the transformer block over packed sequences.
//
// legend: N tokens of all sequences of a batch, one after another (no padding); D model width;
// F feed-forward width; H query heads; K key/value heads; E head width; V vocabulary.
// The residual stream is float32; activations between are of the compute type (float32 or
// bfloat16). Tensors are dense and on the CPU unless said otherwise.
#pragma once

#include <ATen/ATen.h>

#include <utility>
#include <vector>

#include "relata/base/result.h"
#include "relata/kernels/elementwise.h"
#include "relata/nn/activation.h"

namespace relata::nn {

// Neighbouring tokens of the packed batch. A token sees the earlier tokens of its own segment and
// all tokens of the segment's ancestors: sequences that begin alike share that beginning as a
// parent. Parents come first; a root and its descendants lie side by side.
struct Segment {
  int64_t begin = 0;  // row; not used for a cached one
  int64_t length = 0;
  int64_t parent = -1;  // index of a segment, or -1
  // Its keys and values were computed before and are cached: it has no rows in this batch.
  bool cached = false;
};
using Segments = std::vector<Segment>;

// Per-token rotation angles: cos, sin [N, E/2], float32.
struct Rotation {
  at::Tensor cos, sin;
};

struct Heads {
  int64_t query = 0;
  int64_t key_value = 0;
  int64_t width = 0;
};

struct AttentionSpec {
  Heads heads;
  double scale = 0.0;         // of scores; 0: 1 / sqrt(width)
  int64_t window = 0;         // a token sees this many tokens, itself included; 0: all before it
  std::vector<float> slopes;  // per query head, of scores that fall with distance (Press et al.
                              // 2022, ALiBi); empty: none
  bool causal = true;   // false: a token sees its whole segment. Then segments have no parents and
                        // nothing is cached, and there is no rotation, window or slope
  at::Tensor relative;  // [H, 2 D + 1] float32, added to scores: column D + clamp(key - query, -D,
                        // D) of the places of key and query; undefined: none. Differentiable
};

// (x + dropout(delta), its RMS norm times weight). x [N, D] float32; delta [N, D] or undefined;
// the norm has type `out`. Zhang and Sennrich 2019, as Llama uses it.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& delta,
                                               const at::Tensor& weight, double eps,
                                               at::ScalarType out, kernels::Dropout dropout);

// The weight and bias [D] of a layer norm (Ba et al. 2016).
struct LayerNorm {
  at::Tensor weight, bias;
  double eps = 1e-12;
};

// (x + dropout(delta), its layer norm), both float32. x [N, D] float32; delta [N, D] or undefined.
// The dropped elements are the default generator's choice.
std::pair<at::Tensor, at::Tensor> add_layer_norm(const at::Tensor& x, const at::Tensor& delta,
                                                 const LayerNorm& norm, double dropout);

at::Tensor activated(const at::Tensor& x, Activation activation);
// activation(gate) * up over gate_up [N, 2F] -> [N, F].
at::Tensor gated(const at::Tensor& gate_up, Activation activation);

// The query heads and the key heads of qkv [N, (H + 2K) * E], each with its own RMS norm over E
// (weights [E]); the values stay.
at::Tensor norm_heads(const at::Tensor& qkv, const at::Tensor& query_weight,
                      const at::Tensor& key_weight, double eps, Heads heads);

// x W^T (+ bias). `weight` [out, in] is the trained tensor (float32, or frozen in any type);
// `compute_weight` is its copy in x's type (may be the same tensor). The weight's gradient goes
// to add_gradient().
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& compute_weight,
                  const at::Tensor& bias);

// The error, for the user: RELATA_KERNELS, which has plain operations run on the CPU too, is set to
// something else than "reference".
Status check_kernels();

// Whether this CPU multiplies bfloat16 natively, and so faster than float32.
bool has_fast_bfloat16();

// A weight [out, in] in a layout that products read fast: panels (kernels/product.h) for float32
// where the processor can, else oneDNN's own; empty where this LibTorch has no such thing.
struct PackedWeight {
  at::Tensor data;
  int64_t rows = 0;  // out
  bool in_panels = false;
  bool defined() const { return data.defined(); }
};

// Costs one pass over the weight. Products are two to three times as fast as linear()'s for float32
// on processors that MKL does not know, and for few rows.
PackedWeight pack_weight(const at::Tensor& weight);
// x W^T (+ bias), in x's type, which is the packed weight's. Not differentiable.
at::Tensor packed_linear(const at::Tensor& x, const PackedWeight& weight, const at::Tensor& bias);

// Rows of weight [V, D] for ids [N] -> [N, D] float32. The gradient goes to weight.grad(), float32.
at::Tensor embedding(const at::Tensor& weight, const at::Tensor& ids);

// Adds to weight.grad(). The first gradient is kept as it is, in the compute type: a step of one
// micro-batch then needs no float32 copy. From the second on the sum is float32.
void add_gradient(const at::Tensor& weight, at::Tensor gradient);

// One layer's keys and values of a run of tokens, of qkv's type and owned by the caller: values
// [K, capacity, E], keys [K, capacity / 16, E, 16] (kernels::store_key), rotated. The first
// `length` tokens count; capacity is a multiple of 16.
struct CacheView {
  void* keys = nullptr;
  void* values = nullptr;
  int64_t capacity = 0;
  int64_t length = 0;
};

// Attention of the rows of `segments` that are computed in this batch. qkv [N, (H + 2K) * E] before
// rotation -> [N, H * E]. `runs` [segments] may be empty where nothing is cached or kept:
// of a cached segment, what was cached; of a computed one, where its rotated keys and values are
// appended (no keys: nowhere). Such a run has room for them and is as long as before the call: its
// length is the caller's to change, once all layers have been computed. Differentiable in qkv and
// spec.relative.
at::Tensor attention(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                     const std::vector<CacheView>& runs, const AttentionSpec& spec);

// Rows of a batch that all see the same tokens of another text, which are other rows or cached.
struct SourceSpan {
  int64_t begin = 0;  // of the rows that see them
  int64_t length = 0;
  Segment source;  // without parent; its begin is a row of keys and values
  CacheView run;   // of a cached source, what was cached; of another, an empty run where its keys
                   // and values are kept (no keys: nowhere)
};

// Attention to other texts: q [N, H * E], all of whose rows the spans cover in order; keys and
// values [S, 2 H * E] of the sources that are not cached, undefined where there are none -> [N, H *
// E]. As many key heads as query heads; of `spec` only heads and scale count. Differentiable in q
// and key_values.
at::Tensor source_attention(const at::Tensor& q, const at::Tensor& key_values,
                            const std::vector<SourceSpan>& spans, const AttentionSpec& spec);

// sum_i weights[i] * -log softmax(hidden_i W^T)[targets_i], in chunks of rows so that the full
// logits never exist; gradients of hidden and weight (add_gradient()) are computed in the same
// pass. hidden [M, D] compute type; targets [M] int64; weights [M] float32. `divisor` scales the
// loss.
at::Tensor linear_cross_entropy(const at::Tensor& hidden, const at::Tensor& weight,
                                const at::Tensor& compute_weight, const at::Tensor& targets,
                                const at::Tensor& weights, double divisor);

}  // namespace relata::nn
