// A model's weights in and out of files.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "relata/model/decoder.h"
#include "weights/naming.h"
#include "weights/source.h"

namespace relata::model {

class Checkpoint {
 public:
  // Every weight of `model` under the names of `names`, but those kept quantised or packed only.
  static std::vector<NamedWeight> weights(const Decoder& model, const Naming& names);
  // The names of all of them, in that order.
  static std::vector<std::string> weight_names(const DecoderConfig& config, const Naming& names);
  // `options.dtype` is a type by now.
  static Result<std::shared_ptr<Decoder>> load(const DecoderConfig& config, const Naming& names,
                                               const WeightSource& source,
                                               const LoadOptions& options);
  // config.json and model.safetensors, all weights in `type`; `metadata` goes beside them.
  static Status save(const Decoder& model, at::ScalarType type, const std::string& folder,
                     const std::map<std::string, std::string>& metadata = {});
  // An adapter's matrices by the modules of `names`, which must name the slices it adapts.
  struct LoraMatrices {
    std::string module;
    at::Tensor a, b;  // b's rows as they are stored
    double scale = 1.0;
  };
  static std::vector<LoraMatrices> lora_matrices(const Decoder& model, int adapter,
                                                 const Naming& names);
  static Result<int64_t> lora_parameters(const DecoderConfig& config, const LoraConfig& lora);
  // The names of the layers' projections that are quantised.
  static std::set<std::string> projection_names(const DecoderConfig& config, const Naming& names);

 private:
  static Decoder::Quantized stored_quantized(Decoder& model, const Naming& names,
                                             const WeightSource& source);
  static Status read_quantized(Decoder& model, const Naming& names, const WeightSource& source,
                               const Decoder::Quantized& which);
};

// Of a Hugging Face folder or a .gguf file.
Result<std::unique_ptr<WeightSource>> open_weights(const std::string& path);

// How this checkpoint of such a model calls its weights.
Naming names_in(const WeightSource& source, const DecoderConfig& config, bool gguf);

// What LoadOptions' "auto" means for these files: the type they have, but float32 for float16, and
// for bfloat16 on a CPU that does not multiply it.
std::string automatic_dtype(const WeightSource& source, const DecoderConfig& config, bool gguf,
                            const at::Device& device);

// How Transformers calls them in what it writes: with the prefix where there is a head.
Naming written_names(const DecoderConfig& config);

// What is stored for a weight: the inverse of what reading it did.
at::Tensor stored_form(const NamedWeight& weight);

}  // namespace relata::model
