// What all tokenizers share: files, special and added tokens, and the walk over a text around them.
#pragma once

#include <optional>
#include <unordered_map>

#include "hf/added_tokens.h"
#include "hf/workspace.h"
#include "model_folder.h"
#include "relata/text/tokenizer.h"

namespace relata::text {

// Ids that go before and after a text.
struct SpecialFrame {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};

class TokenizerBase : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text, bool add_special) const final;
  int32_t vocab_size() const override { return vocab_size_; }
  int32_t token_to_id(std::string_view piece) const override;
  std::string id_to_token(int32_t id) const override;
  int32_t bos_id() const override { return bos_; }
  int32_t eos_id() const override { return eos_; }
  std::vector<int32_t> stop_ids() const override { return stops_; }
  bool is_special(int32_t id) const override;
  Status save(const std::string& folder) const override { return files_.save(folder); }

 protected:
  explicit TokenizerBase(ModelFolder files) : files_(std::move(files)) {}

  // Appends the tokens of a part of the text that holds no added token; ranges count from the
  // start of the whole text, where `segment` is at `base`.
  virtual void encode_segment(std::string_view segment, size_t base, Workspace& workspace,
                              std::vector<Token>& out) const = 0;
  // A last change to the tokens of a text.
  virtual void finish(std::string_view /*text*/, std::vector<Token>& /*tokens*/) const {}
  // The model's own vocabulary, without added tokens.
  virtual int32_t piece_to_id(std::string_view piece) const = 0;
  virtual std::string_view id_to_piece(int32_t id) const = 0;

  // Searched in the raw text as it is written. Ignored when its id is taken.
  void add_token(const AddedToken& token) { add_token(token, raw_matcher_, token.content); }
  void add_token(const AddedToken& token, AddedTokenMatcher& matcher, std::string_view searched);
  // Every name that the configuration calls special becomes an added token, or is marked special.
  void add_named(const std::vector<std::string>& names);
  // EOS and the stops that the model's files name; the vocabulary must be complete.
  Status set_stops(const TokenizerConfig& config);
  void need_id(int32_t id) { vocab_size_ = std::max(vocab_size_, id + 1); }
  const AddedToken* added(int32_t id) const;
  int32_t added_id(std::string_view content) const;  // -1: none

  ModelFolder files_;
  SpecialFrame frame_;
  int32_t bos_ = -1;
  int32_t eos_ = -1;

 private:
  AddedTokenMatcher raw_matcher_;
  std::vector<int32_t> stops_;
  std::unordered_map<int32_t, AddedToken> added_;
  std::unordered_map<std::string, int32_t> added_ids_;
  int32_t vocab_size_ = 0;
  mutable WorkspacePool workspaces_;
};

}  // namespace relata::text
