// A model's weights in and out of files.
#pragma once

#include <vector>

#include "relata/model/decoder.h"
#include "weights/naming.h"
#include "weights/source.h"

namespace relata::model {

class Checkpoint {
 public:
  // Every weight of `model` under the names of `names`.
  static std::vector<NamedWeight> weights(const Decoder& model, const Naming& names);
  static Result<std::shared_ptr<Decoder>> load(const DecoderConfig& config, const Naming& names,
                                               const WeightSource& source,
                                               const std::string& dtype);
};

// What is stored for a weight: the inverse of what reading it did.
at::Tensor stored_form(const NamedWeight& weight);

}  // namespace relata::model
