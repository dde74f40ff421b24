// Attention of encoders: every token of a sequence sees all of it.
#pragma once

#include "relata/nn/ops.h"

namespace relata::nn {

// qkv [N, 3 H E] -> [N, H E]; segments are roots that follow one another. Neighbours of one length
// are computed together, so it pays to order sequences by length.
at::Tensor attention_both_ways(const at::Tensor& qkv, const Segments& segments,
                               const AttentionSpec& spec);

}  // namespace relata::nn
