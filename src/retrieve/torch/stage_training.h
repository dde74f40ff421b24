// Stages that train.
#pragma once

#include <functional>

#include "relata/base/json.h"
#include "relata/train/trainer.h"
#include "ruie/stage.h"

namespace relata::retrieve {

// Those settings of the loop that decide about the weights.
Json trainer_inputs(const train::TrainerConfig& config);

// Trains in the stage's folder, saves and completes the stage; a killed one goes on. Of several
// processes the first saves.
Result<train::TrainSummary> train_stage(const Stage& stage, model::Decoder& model,
                                        const train::Objective& objective,
                                        train::TrainerConfig config,
                                        const std::function<Status()>& save);

// Of a stage that was complete before: its steps, seconds and loss then.
train::TrainSummary earlier_training(const Stage& stage);

}  // namespace relata::retrieve
