#pragma once

#include <memory>

#include "hf/models/piece_model.h"
#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

// tokenizer.json of Hugging Face's tokenizers.
Result<std::shared_ptr<const Tokenizer>> load_hf_tokenizer(ModelFolder files);

// What other kinds of files say, put in the words of a tokenizer.json.
struct TokenizerParts {
  Node root;                          // without its "model" where `model` is given
  std::unique_ptr<PieceModel> model;  // null: read it from `root`
  std::string path;                   // the file that messages name
  std::string kind;                   // what comes before the model's name in kind()
  // Whether the configuration's add_bos_token and add_eos_token count: as in Transformers, not for
  // a tokenizer.json, nor for what frames texts by rules of its own.
  bool adds_by_config = false;
};
Result<std::shared_ptr<const Tokenizer>> assemble_tokenizer(ModelFolder files,
                                                            TokenizerParts parts);

}  // namespace relata::text
