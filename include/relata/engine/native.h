// The native engine: models of this machine's files, computed with LibTorch.
#pragma once

#include <memory>
#include <string>

#include "relata/generate/engine.h"

namespace relata::model {
class Llama;
}

namespace relata::engine {

struct NativeEngineOptions {
  std::string model;            // Hugging Face folder
  std::string adapter;          // PEFT folder, or ""
  std::string dtype = "auto";   // auto (as stored), float32, bfloat16
  int max_batch_tokens = 4096;  // tokens computed at once
  int max_batch_requests = 64;  // sequences decoded at once
};

Result<std::unique_ptr<generate::Engine>> make_native_engine(const NativeEngineOptions& options);

// Over a model that is already in memory (evaluation during training uses it). `tokenizer` may be
// null: then results carry ids only. The model is shared, not copied: its current weights are used
// at every call.
std::unique_ptr<generate::Engine> make_engine(std::shared_ptr<model::Llama> model,
                                              std::shared_ptr<const text::Tokenizer> tokenizer,
                                              const NativeEngineOptions& options,
                                              std::string model_id);

}  // namespace relata::engine
