// Everything a run needs to go on: optimiser moments, averaged weights, position, log.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

#include "relata/base/json.h"
#include "relata/model/decoder.h"
#include "relata/train/trainer.h"

namespace relata::train {

struct TrainState {
  int64_t step = 0;
  int64_t epoch = 0;
  int64_t next_row = 0;  // position in the epoch's order
  double seconds = 0;    // of training, earlier runs included
  double best_metric = -1e300;
  int64_t best_step = 0;
  int64_t stale_evaluations = 0;
  bool finished = false;
  std::vector<at::Tensor> first, second;  // Adam moments, as the parameters
  std::vector<at::Tensor> average;        // exponential average of the weights, or empty
  std::vector<at::Tensor> best;           // weights of the best evaluation, or empty
};

// checkpoint-<step>/ under the output folder: written to a temporary folder, then renamed.
Status save_checkpoint(const TrainerConfig& config, const std::string& fingerprint,
                       const std::vector<model::Decoder::Parameter>& parameters,
                       const TrainState& state);
// "auto" takes the newest complete one, and starts afresh when there is none.
Result<bool> load_checkpoint(const TrainerConfig& config, const std::string& fingerprint,
                             std::vector<model::Decoder::Parameter>& parameters, TrainState& state);

}  // namespace relata::train
