// Keys of a training configuration that are good ones and have no effect in this run.
#pragma once

#include "train/train_config.h"

namespace relata::app {

// Warns of those that were given another value than the usual one, each group with the reason.
void tell_unused_keys(const TrainConfig& config);

}  // namespace relata::app
