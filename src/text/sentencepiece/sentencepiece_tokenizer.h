#pragma once

#include <memory>

#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

// The SentencePiece model in the file `name` of the folder.
Result<std::shared_ptr<const Tokenizer>> load_sentencepiece(ModelFolder files,
                                                            const std::string& name);

}  // namespace relata::text
