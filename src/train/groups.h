// Which rows are trained on together: rows of one group (a document) stay side by side, so that
// what they share is computed once.
#pragma once

#include <cstdint>
#include <vector>

#include "relata/train/trainer.h"

namespace relata::train {

// Row indices of one epoch: groups in the order of epoch_order(), rows of a group as they stand.
std::vector<int64_t> group_order(const std::vector<Row>& rows, const TrainerConfig& config,
                                 int64_t epoch);

// Where the micro-batches of the step that begins at `begin` end in `order`: each has
// per_device_train_batch_size rows, and what its last group has more.
std::vector<int64_t> micro_batch_ends(const std::vector<Row>& rows,
                                      const std::vector<int64_t>& order, int64_t begin,
                                      const TrainerConfig& config);

}  // namespace relata::train
