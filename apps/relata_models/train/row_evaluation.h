// Evaluations while training that ask how well the model foresees the answers of rows.
#pragma once

#include <string>
#include <vector>

#include "relata/generate/engine.h"
#include "relata/train/trainer.h"
#include "train/train_config.h"

namespace relata::app {

// What evaluations give, as people and as JSON call it; empty where there are none.
struct MetricName {
  std::string text, key;
};

// The geometric mean of the probabilities of the answers' tokens: e to the mean loss, less.
inline const MetricName kTokenProbability = {"probability of an answer's token (geometric mean)",
                                             "eval_token_probability"};

// The configuration by which rows are made whose loss is on answers alone.
TrainConfig for_evaluation(const TrainConfig& config);

// kTokenProbability of the rows, which, as the engine, must live as long as the function; empty
// where there are no rows. `adapters` names those that rows are numbered by. Logs the loss.
train::Evaluate row_evaluation(generate::Engine& engine, const std::vector<train::Row>& rows,
                               std::vector<std::string> adapters);

}  // namespace relata::app
