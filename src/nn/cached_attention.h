// Attention over cached keys and values, without gradients.
#pragma once

#include <vector>

#include "relata/kernels/attention.h"
#include "relata/nn/ops.h"

namespace relata::nn {

// `scale` 0: 1 / sqrt(width).
kernels::AttentionShape shape_of(const Heads& heads, double scale);

// Appends the rotated keys and the values of each computed segment to its run, if it has one.
void append_to_runs(const at::Tensor& qkv, const Rotation& rotation, const Segments& segments,
                    const std::vector<CacheView>& runs, Heads heads);

// Keys and values of a run that is cached, as rows of qkv whose queries are zero.
at::Tensor rows_of_run(const CacheView& run, Heads heads, const at::TensorOptions& options);

// Whether cached_attention() can do it: the rows of every segment and its descendants lie side by
// side, and a run that is appended to is empty or the parent's, who has no other child then.
bool can_attend_cached(const Segments& segments, const std::vector<CacheView>& runs);

// attention() for such segments, without a window, slopes or relative scores: appends, and then has
// all rows that see a run multiplied with it together.
at::Tensor cached_attention(const at::Tensor& qkv, const Rotation& rotation,
                            const Segments& segments, const std::vector<CacheView>& runs,
                            const AttentionSpec& spec);

}  // namespace relata::nn
