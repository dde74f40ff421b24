#pragma once

#include <memory>

#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

// tokenizer.json of Hugging Face's tokenizers, with a BPE model.
Result<std::shared_ptr<const Tokenizer>> load_hf_tokenizer(ModelFolder files);

}  // namespace relata::text
