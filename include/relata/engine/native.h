// The native engine: models of this machine's files, computed with LibTorch.
//
// Keys and values of what was computed lately are kept in a tree, so that prompts that begin alike,
// also those of later calls, compute their common beginning once. Answers of one call are decoded
// together; new prompts join as others end. Calls of generate() from several threads are answered
// in one batch by one of them, which then calls the progress functions of all; score() waits for
// its turn.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relata/generate/engine.h"

namespace relata::model {
class Decoder;
}

namespace relata::engine {

struct NativeEngineOptions {
  std::string model;  // Hugging Face folder or .gguf file
  // PEFT folders by the names that requests call them; a request without a name takes the first.
  std::vector<std::pair<std::string, std::string>> adapters;
  bool any_base = false;       // adapters may say that they were trained on another base
  std::string dtype = "auto";  // auto (as stored), float32, bfloat16
  // Weights that are stored quantised are turned into that type; false: they stay as they are
  // stored, in a fraction of the memory.
  bool dequantize = true;
  // "nf4": float weights are quantised first, as for an adapter that was trained so; "": they are
  // not.
  std::string quantize = "";
  bool double_quantization = true;
  int max_batch_tokens = 4096;             // tokens computed at once
  int max_batch_requests = 64;             // sequences decoded at once
  int64_t cache_bytes = int64_t{2} << 30;  // of keys and values kept beyond the requests under way
  std::vector<int32_t> stops;  // tokens that end answers, beside the model's and tokenizer's
};

Result<std::unique_ptr<generate::Engine>> make_native_engine(const NativeEngineOptions& options);

// Over a model that is already in memory (evaluation during training uses it). `tokenizer` may be
// null: then results carry ids only. The model is shared, not copied: its current weights are used
// at every call.
std::unique_ptr<generate::Engine> make_engine(std::shared_ptr<model::Decoder> model,
                                              std::shared_ptr<const text::Tokenizer> tokenizer,
                                              const NativeEngineOptions& options,
                                              std::string model_id);

}  // namespace relata::engine
