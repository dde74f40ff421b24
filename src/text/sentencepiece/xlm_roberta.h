#pragma once

#include <memory>

#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

// The file of XLM-RoBERTa's SentencePiece model.
inline constexpr const char* kXlmRobertaFile = "sentencepiece.bpe.model";

// A folder that has that file and no tokenizer.json. The model's ids are not the pieces': fairseq,
// which trained the first of them, has four tokens of its own before the pieces, and one after.
Result<std::shared_ptr<const Tokenizer>> load_xlm_roberta(ModelFolder files);

}  // namespace relata::text
