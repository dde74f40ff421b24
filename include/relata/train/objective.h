// What the training loop is given to train on: items, and the loss of some of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "relata/base/result.h"

namespace relata::model {
class Decoder;
}

namespace relata::train {

// The items of one optimiser step: order[begin, end).
struct StepItems {
  const std::vector<int64_t>& order;  // of the epoch
  int64_t begin = 0;
  int64_t end = 0;
  int64_t step = 0;  // steps done before
  int64_t epoch = 0;
  double fraction = 0;  // of the run that is done
  int process = 0;      // takes its share of the items;
  int processes = 1;    // together they take all
};

struct StepLoss {
  double loss = 0;
  int64_t tokens = 0;         // that went through the model
  int64_t answer_tokens = 0;  // of them, those with a loss
};

// Const, and a function of its arguments, the model and the default generator alone: a run that is
// resumed makes the same steps.
class Objective {
 public:
  virtual ~Objective() = default;
  virtual int64_t size() const = 0;  // items of an epoch
  // What of the items does not fit the model.
  virtual Status check(const model::Decoder& model) const = 0;
  // "sha256:..." over all items and whatever else decides their loss.
  virtual std::string identity() const = 0;
  // Item numbers of an epoch.
  virtual std::vector<int64_t> order(int64_t epoch) const = 0;
  // Where the step that begins at `begin` ends in `order`.
  virtual int64_t step_end(const std::vector<int64_t>& order, int64_t begin) const = 0;
  // Adds the gradients of the step's loss to the model's trained weights. Of several processes,
  // each gives the part of its items, normalised as the whole: the sum is the step's loss. Errors:
  // of other processes, where items are not independent.
  virtual Result<StepLoss> add_gradients(const model::Decoder& model,
                                         const StepItems& items) const = 0;
};

}  // namespace relata::train
