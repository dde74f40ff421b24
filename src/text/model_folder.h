// The tokenizer's files in a model folder, and what they say about special tokens.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "hf/added_tokens.h"

namespace relata::text {

// Holds the files' content, so that a tokenizer can be saved after its source is gone.
class ModelFolder {
 public:
  static Result<ModelFolder> read(const std::string& folder);
  // Files made from another one, which `source` names in messages.
  static ModelFolder of(const std::string& source, std::map<std::string, std::string> files);
  const std::string* find(const std::string& name) const;
  std::optional<std::string> rank_file() const;  // the name of a *.tiktoken file
  std::string path(const std::string& name) const;
  const std::string& folder() const { return folder_; }
  // `make` is called by save() and gives the content of the file `name`, written in place of
  // `held`.
  void save_instead(std::string held, std::string name, std::function<std::string()> make);
  Status save(const std::string& folder) const;

 private:
  struct Substitute {
    std::string name;
    std::function<std::string()> make;
  };
  std::string folder_;
  std::map<std::string, std::string> files_;
  std::map<std::string, Substitute> substitutes_;
};

struct TokenizerConfig {
  std::vector<AddedToken> added;  // added_tokens_decoder and added_tokens.json
  std::optional<std::string> bos;
  std::optional<std::string> eos;
  std::optional<std::string> unk;
  std::optional<std::string> cls;
  std::optional<std::string> sep;
  std::optional<std::string> pad;
  std::optional<std::string> mask;
  std::vector<std::string> special;  // contents of every special token that is named
  // The same in the order in which Transformers gives ids to those that the tokenizer's own file
  // lacks; without ids.
  std::vector<AddedToken> named;
  int64_t extra_ids = 100;  // T5's <extra_id_0>, ...
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::optional<bool> legacy;   // Llama's own flag: a space also after special tokens in the text
  std::string tokenizer_class;  // where the file names none, the model's
  std::optional<bool> lower_case;  // this and the next two: BERT's
  std::optional<bool> strip_accents;
  std::optional<bool> chinese_chars;
  std::optional<bool> prefix_space;  // GPT-2's and its kin's
  std::vector<int32_t> stops;        // eos_token_id of generation_config.json
};

Result<TokenizerConfig> read_tokenizer_config(const ModelFolder& folder);

}  // namespace relata::text
