// What memory a model will take, forecast from its files' headers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "relata/base/result.h"
#include "relata/model/decoder.h"
#include "relata/model/lora_config.h"

namespace relata::model {

// Bytes of all weights as Decoder::load() lays them out. Nothing but headers is read.
Result<int64_t> weight_bytes(const std::string& path, const LoadOptions& options);

// A step of LoRA, computed in the load options' type.
struct LoraStep {
  LoadOptions load;
  LoraConfig lora;
  int64_t tokens = 1024;  // computed at once: a micro-batch, what its rows share counted once
  bool gradient_checkpointing = false;
};

// Bytes at the peak, which is reached while the weights are read from their mapped file, or in a
// step.
struct LoraMemory {
  int64_t program = 0;      // the program and its libraries
  int64_t weights = 0;      // of the base
  int64_t file = 0;         // of the base, mapped while it is read
  int64_t adapter = 0;      // with gradients, moments and, in bfloat16, the copy
  int64_t activations = 0;  // kept for the backward pass
  int64_t scratch = 0;      // of the layer, or the loss, that is computed with most
  int64_t total() const {
    return program + weights + std::max(file, adapter + activations + scratch);
  }
};
// Within a tenth of the kernel's figure where that was measured (bench/memory.py).
// Error: the adapter targets no module of the model.
Result<LoraMemory> forecast_lora(const std::string& path, const LoraStep& step);

// Bytes at the peak of answering prompts of so many tokens together, their answers counted.
Result<int64_t> forecast_answering(const std::string& path, const LoadOptions& options,
                                   int64_t tokens);

}  // namespace relata::model
