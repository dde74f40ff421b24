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

// What an adapter belongs to: a hash over names, types, shapes and bytes of a model's tensors, and
// over nothing else, so that its files may be split, moved and given other templates. A folder or
// file that relata made of another model, in another type or quantised, says which, and has that
// model's identity; one that an adapter was merged into does not. Cost: reads all tensors, on all
// threads of with_threads().
Result<std::string> base_identity(const std::string& model);

// Where files say it: metadata of safetensors files, and a key of GGUF files.
inline constexpr const char* kBaseKey = "relata.base";

// What the adapter in `folder` was trained on, as relata records it; "": it does not say.
Result<std::string> recorded_base(const std::string& folder);
// An error where the adapter says that it was trained on another base than `model`; with `any_base`
// a warning.
Status check_base(const std::string& adapter, const std::string& model, bool any_base);

}  // namespace relata::model
