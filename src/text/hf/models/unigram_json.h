#pragma once

#include <string>

#include "relata/base/json.h"

namespace relata::text {

// The tokenizer.json of a serialized SentencePiece unigram model as train_tokenizer() makes it:
// control pieces first, no normalisation but of spaces, BOS before every text.
Result<Json> unigram_tokenizer_json(const std::string& model);

}  // namespace relata::text
