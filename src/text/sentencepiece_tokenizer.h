#pragma once

#include <memory>

#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

Result<std::shared_ptr<const Tokenizer>> load_sentencepiece(ModelFolder files);

}  // namespace relata::text
