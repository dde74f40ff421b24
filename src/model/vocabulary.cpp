#include "relata/model/vocabulary.h"

namespace relata::model {

Status check_vocabulary(const text::Tokenizer& tokenizer, int64_t rows, const std::string& where) {
  for (int64_t i = rows; i < tokenizer.vocab_size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    const std::string token = tokenizer.id_to_token(id);
    if (token.empty() || tokenizer.is_special(id)) continue;
    return input_error(where + ": its tokenizer has the token \"" + token + "\" with id " +
                           std::to_string(id) + ", its embeddings have " + std::to_string(rows) +
                           " rows",
                       "the tokenizer's files are another model's, or tokens were added without "
                       "rows for them");
  }
  return {};
}

}  // namespace relata::model
