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
  // config.json and model.safetensors, all weights in `type`.
  static Status save(const Decoder& model, at::ScalarType type, const std::string& folder);
  // An adapter's matrices by the modules of `names`, which must name the slices it adapts.
  struct LoraMatrices {
    std::string module;
    at::Tensor a, b;  // b's rows as they are stored
    double scale = 1.0;
  };
  static std::vector<LoraMatrices> lora_matrices(const Decoder& model, int adapter,
                                                 const Naming& names);
  static Result<int64_t> lora_parameters(const DecoderConfig& config, const LoraConfig& lora);
};

// What is stored for a weight: the inverse of what reading it did.
at::Tensor stored_form(const NamedWeight& weight);

}  // namespace relata::model
