// Whether a tokenizer and a model's embeddings belong together.
#pragma once

#include <cstdint>
#include <string>

#include "relata/base/result.h"
#include "relata/text/tokenizer.h"

namespace relata::model {

// An error where text can become an id that the embeddings have no row for; it names the first such
// token. Special tokens may be beyond them: models of text carry those of images, and no text
// becomes one. `where` names the model.
Status check_vocabulary(const text::Tokenizer& tokenizer, int64_t rows, const std::string& where);

}  // namespace relata::model
