// The optimiser over all trained weights: norm of the gradients, then one AdamW pass that also
// clips, keeps the weights' copies in the compute type, and their running average.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "relata/model/decoder.h"
#include "state.h"

namespace relata::train {

struct AdamWOptions {
  int64_t step = 1;  // counted from 1
  double learning_rate = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;
  double gradient_scale = 1;
  double average_keep = 0;
};

// Of all gradients together. The same for every number of threads.
double gradient_norm(const std::vector<model::Decoder::Parameter>& parameters);

// The first parameter because of whose gradient the norm is not finite; "" when there is none.
std::string first_bad_gradient(const std::vector<model::Decoder::Parameter>& parameters);
// The first tensor with a number that is not finite; "" when there is none.
std::string first_bad_tensor(const std::vector<std::pair<std::string, at::Tensor>>& tensors);

// Updates weights, moments and average; frees the gradients. Parameters without one stay.
void adamw_step(model::Decoder& model, std::vector<model::Decoder::Parameter>& parameters,
                TrainState& state, const AdamWOptions& options);

}  // namespace relata::train
