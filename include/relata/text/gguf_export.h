// A tokenizer's files as the metadata of a GGUF file.
#pragma once

#include <cstdint>
#include <string>

#include "relata/base/gguf.h"
#include "relata/base/result.h"

namespace relata::text {

// The keys `tokenizer.*` for the tokenizer in `folder` and a model with `rows` rows of embeddings;
// rows without a token get unused ones. Kinds: tokenizer.json with byte-level BPE that splits text
// as GPT-2, SmolLM, Qwen2 or Llama-3 do, and SentencePiece BPE (tokenizer.model). Errors: another
// kind; more tokens than rows.
Result<GgufMetadata> gguf_tokenizer_metadata(const std::string& folder, int64_t rows);

}  // namespace relata::text
