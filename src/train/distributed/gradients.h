// Gradients of a step that several processes took their shares of.
#pragma once

#include <vector>

#include "relata/model/decoder.h"
#include "relata/train/process_group.h"

namespace relata::train {

// Each process gets the sums over all. A weight that no process has a gradient of keeps none, as in
// one process.
Status sum_gradients(std::vector<model::Decoder::Parameter>& parameters, ProcessGroup& processes);

}  // namespace relata::train
