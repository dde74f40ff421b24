#pragma once

#include <memory>
#include <string>

#include "relata/base/result.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

// The tokenizer that a GGUF file describes, put in the words of the files that Transformers reads:
// byte-level BPE ("gpt2") as a tokenizer.json, SentencePiece BPE ("llama") as a tokenizer.model,
// which save() writes as a tokenizer.json.
Result<std::shared_ptr<const Tokenizer>> load_gguf_tokenizer(const std::string& path);

}  // namespace relata::text
