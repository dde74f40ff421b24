// What Transformers' classes take from tokenizer_config.json, whatever a tokenizer.json says.
#pragma once

#include <optional>
#include <string>

#include "json_reader.h"
#include "model_folder.h"

namespace relata::text {

// Changes `root`, a tokenizer.json: of BERT's kind the normaliser (`do_lower_case`,
// `strip_accents`, `tokenize_chinese_chars`), of GPT-2's, Qwen2's and RoBERTa's whether a space is
// put first (`add_prefix_space`). A key that is missing means what the class assumes; a class that
// is named PreTrainedTokenizerFast believes the tokenizer.json.
void apply_class_settings(const TokenizerConfig& config, Node& root);

// The tokens that the class puts before and after every text in place of what a tokenizer.json
// says, where the configuration names one of them.
struct ClassFrame {
  std::string before;
  std::string after;
};
std::optional<ClassFrame> class_frame(const TokenizerConfig& config);

}  // namespace relata::text
