// Rows packed into one batch, and the positions whose next token is trained on.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "relata/model/decoder.h"
#include "relata/train/trainer.h"

namespace relata::train {

struct PackedRows {
  model::Pass pass;    // its rows [M] are those whose hidden state predicts a trained token
  at::Tensor targets;  // [M]
  at::Tensor weights;  // [M]; sum over a step's micro-batches gives the step's loss
  int64_t tokens = 0;
  int64_t answer_tokens = 0;
};

// Sums of the weights of a step, by which its two losses are normalised.
struct StepWeights {
  double primary = 0;
  double secondary = 0;
};
StepWeights step_weights(const std::vector<Row>& rows, const std::vector<int64_t>& indices);

// Beginnings that rows share are computed once; under dropout they then share its noise there.
// prompt_weight 0 leaves the secondary loss out. Token dropout replaces prompt tokens, never the
// first of a row, by config.token_dropout_id; it is a function of `seed` alone.
struct PackOptions {
  StepWeights sums;
  double prompt_weight = 0;
  uint64_t seed = 0;
};
PackedRows pack_rows(const model::Decoder& model, const std::vector<Row>& rows,
                     const std::vector<int64_t>& indices, const PackOptions& options,
                     const TrainerConfig& config);

}  // namespace relata::train
