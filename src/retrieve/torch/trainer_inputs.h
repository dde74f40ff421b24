// What a stage that trains is named by.
#pragma once

#include "relata/base/json.h"
#include "relata/train/trainer.h"

namespace relata::retrieve {

// Those settings of the loop that decide about the weights.
Json trainer_inputs(const train::TrainerConfig& config);

}  // namespace relata::retrieve
