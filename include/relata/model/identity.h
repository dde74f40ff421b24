// The identity of a model: one hash over everything that decides what it answers.
//
// Journals, results (`meta.model`), caches and checkpoints of training know a model by it. Equal
// files give an equal identity wherever they lie and whatever their folder is called.
#pragma once

#include <string>

#include "relata/base/result.h"

namespace relata::model {

struct ModelFiles {
  std::string model;           // Hugging Face folder, or a file that is a whole model
  std::string adapter = "";    // PEFT folder, or ""
  std::string dtype = "auto";  // what it is computed in, where that is chosen
};

// "sha256:" and 64 digits, over config.json, generation_config.json, all weight files (every shard
// that the index names), the tokenizer's files, the chat template, and the adapter's configuration
// and weights. Errors: a file that cannot be read, or no weights. Cost: reads all of them, large
// files on all threads of with_threads().
Result<std::string> model_identity(const ModelFiles& files);

// Of an adapter alone, or of a folder of adapters.
Result<std::string> adapter_identity(const std::string& folder);

}  // namespace relata::model
