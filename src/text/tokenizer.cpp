#include "relata/text/tokenizer.h"

#include "hf_tokenizer.h"
#include "model_folder.h"
#include "sentencepiece_tokenizer.h"

namespace relata::text {

std::vector<int32_t> Tokenizer::encode_ids(std::string_view text, bool add_special) const {
  std::vector<int32_t> ids;
  for (const Token& token : encode(text, add_special)) ids.push_back(token.id);
  return ids;
}

Result<std::shared_ptr<const Tokenizer>> load_tokenizer(const std::string& folder) {
  RELATA_TRY(ModelFolder files, ModelFolder::read(folder));
  if (files.find("tokenizer.json") != nullptr) return load_hf_tokenizer(std::move(files));
  if (files.find("tokenizer.model") != nullptr) return load_sentencepiece(std::move(files));
  return input_error(folder + ": no tokenizer.json and no tokenizer.model",
                     "name the folder that holds the model's tokenizer files");
}

}  // namespace relata::text
