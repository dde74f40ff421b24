// A GGUF file's vocabulary in the words of other tokenizer files.
#pragma once

#include <string>

#include "gguf/gguf_vocab.h"
#include "json_reader.h"

namespace relata::text {

// Of the kind "gpt2": a whole tokenizer.json. Error: a `pre` that is not known.
Result<Node> gguf_tokenizer_json(const GgufVocab& vocab);

// Of the kind "bert": a whole tokenizer.json.
Result<Node> gguf_wordpiece_json(const GgufVocab& vocab);

// Of the kind "llama": a serialized ModelProto, and what tokenizer_config.json says about it.
Result<std::string> gguf_sentencepiece_model(const GgufVocab& vocab);
// The same tokenizer as a tokenizer.json, whose merges follow from the scores: what others load.
// Not for vocabularies with normalisation rules of their own. Cost: seconds for 250,000 tokens.
Node gguf_pieces_json(const GgufVocab& vocab);
Json gguf_sentencepiece_config(const GgufVocab& vocab);
bool has_own_rules(const GgufVocab& vocab);  // normalises text before it is cut

}  // namespace relata::text
