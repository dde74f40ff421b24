// Models and adapters written for other programs: Transformers' folders, llama.cpp's files.
// docs/models.md says what each takes.
#pragma once

#include <cstdint>
#include <string>

#include "relata/base/result.h"
#include "relata/model/config.h"
#include "relata/model/lora_config.h"

namespace relata::model {

struct ExportOptions {
  // Of matrices: "f32", "bf16", "f16", and in GGUF "q8_0"; "auto": as they are stored, "bf16" where
  // that is in blocks.
  std::string dtype = "auto";
  std::string adapter;    // PEFT folder that is merged into the weights; "": none
  bool any_base = false;  // the adapter may say that it is of another base
};

// `model` is a Hugging Face folder or a .gguf file. Cost: the model in memory, in bfloat16 where
// that is what is written, else in float32. Errors: what the other program could not express is
// refused by name; writing over the model itself is. What is written without an adapter says which
// model it was made of (identity.h), so that adapters of either go with both.

// config.json, model.safetensors and the tokenizer's files.
Status export_hf(const std::string& model, const std::string& folder, const ExportOptions& options);
// One file, with the tokenizer's metadata.
Status export_gguf(const std::string& model, const std::string& path, const ExportOptions& options);
// The adapter in `adapter`, a PEFT folder of `model`, for llama.cpp's --lora. float32.
Status export_gguf_lora(const std::string& model, const std::string& adapter,
                        const std::string& path, bool any_base = false);

// A folder as export_hf() writes it, whose layers' projections are in NF4 with blocks of 64: what
// Transformers with bitsandbytes loads, and writes itself, bit for bit. Embeddings, head, norms and
// biases stay in the model's own type. Errors: a model in NF4 already, a weight that is not finite.
Status export_nf4(const std::string& model, const std::string& folder, bool double_quantization);

// Weights that an adapter trains. No memory is taken. Error: it targets no module (they are
// listed).
Result<int64_t> lora_parameter_count(const DecoderConfig& config, const LoraConfig& lora);

}  // namespace relata::model
