// Learned scores of distances between tokens (Raffel et al. 2020).
#pragma once

#include <ATen/ATen.h>

namespace relata::model {

// [H, 2 D + 1] float32, as nn::AttentionSpec::relative, of the scores of each kind of distance,
// kinds [B, H]. Up to half of the kinds are for single distances, the others for ranges that grow
// up to `farthest` = D. `both_ways`: half of all kinds are for keys behind the query; else only
// keys before it count. Differentiable.
at::Tensor relative_scores(const at::Tensor& kinds, int64_t farthest, bool both_ways);

}  // namespace relata::model
