// Everything a run needs to go on: optimiser moments, averaged weights, position, log.
#pragma once

#include <ATen/ATen.h>

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

// What names a run and its checkpoints.
struct RunIdentity {
  std::string id;  // as run.json has it
  Json settings;   // run_settings()
};

// checkpoint-<step>/ under the output folder: written to a temporary folder, then renamed. Deletes
// the oldest of this run's beyond save_total_limit.
Status save_checkpoint(const TrainerConfig& config, const RunIdentity& run,
                       const std::vector<model::Decoder::Parameter>& parameters,
                       const TrainState& state);
// Fills `state` and the parameters, and takes over the id of the checkpoint's run. "auto" takes the
// newest checkpoint of `run`, and starts afresh when there is none; `rows` bounds the position.
Result<bool> load_checkpoint(const TrainerConfig& config, RunIdentity& run, int64_t rows,
                             std::vector<model::Decoder::Parameter>& parameters, TrainState& state);

inline constexpr const char* kStateFile = "/trainer_state.json";  // of a checkpoint's folder
// The folder of the newest checkpoint of the run ("": of any), which "auto" stands for; "": none.
std::string newest_checkpoint(const std::string& output_dir, const std::string& run_id);
// Whether the run has one of a later step.
bool has_later_checkpoint(const std::string& output_dir, const std::string& run_id, int64_t step);
std::vector<std::string> checkpoint_folders(const std::string& output_dir);  // by their steps

}  // namespace relata::train
