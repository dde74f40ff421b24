// What a retriever is taught with: the preferences of a teacher, and the examples of the batch.
#pragma once

#include <ATen/ATen.h>

#include "relata/retrieve/retriever.h"

namespace relata::retrieve {

// legend: B queries, P passages of each, the first of them its positive; D width.

struct RetrieverBatch {
  at::Tensor queries;   // [B, D]
  at::Tensor passages;  // [B * P, D], a query's side by side
  at::Tensor teacher;   // [B, P] scores, larger is better
};

// KL(softmax(teacher) || softmax(q d / t)) over each query's own passages, mean over queries, plus
// `contrastive` times the mean of -log of the positive's share, e^(q d+ / t), among those of all
// passages of the batch, and of the products d+ q', q q' and d+ d+' with every other query q' and
// its positive d+' (the latter two unless the options say otherwise). Liao et al. 2025 (RUIE).
// Differentiable in queries and passages.
at::Tensor retriever_loss(const RetrieverBatch& batch, const RetrieverLoss& options);

// Of a reward model: the mean of -log of the first passage's share, softmax(scores), among its
// query's; scores [B, P]. Differentiable.
at::Tensor reward_loss(const at::Tensor& scores);

}  // namespace relata::retrieve
