// Models that look pieces up: WordPiece (BERT), longest match first, and WordLevel, whole pieces.
#pragma once

#include <memory>

#include "json_reader.h"
#include "piece_model.h"
#include "sentencepiece/double_array.h"
#include "vocabulary.h"

namespace relata::text {

class WordPieceModel : public PieceModel {
 public:
  static Result<std::unique_ptr<PieceModel>> from_json(const Node& node, const std::string& where);

  std::string name() const override { return "wordpiece"; }
  void encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const override;
  int32_t token_to_id(std::string_view token) const override { return vocabulary_.id(token); }
  std::string_view id_to_token(int32_t id) const override { return vocabulary_.token(id); }
  int32_t id_limit() const override { return vocabulary_.id_limit(); }
  int32_t count() const override { return vocabulary_.count(); }

 private:
  void prepare(std::string_view prefix);

  Vocabulary vocabulary_;
  DoubleArray starts_;     // tokens that may begin a word
  DoubleArray continues_;  // tokens that may follow in one, without their prefix
  int32_t unknown_id_ = -1;
  size_t longest_word_ = 0;  // in code points; longer ones are unknown
};

class WordLevelModel : public PieceModel {
 public:
  static Result<std::unique_ptr<PieceModel>> from_json(const Node& node, const std::string& where);

  std::string name() const override { return "wordlevel"; }
  void encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const override;
  int32_t token_to_id(std::string_view token) const override { return vocabulary_.id(token); }
  std::string_view id_to_token(int32_t id) const override { return vocabulary_.token(id); }
  int32_t id_limit() const override { return vocabulary_.id_limit(); }
  int32_t count() const override { return vocabulary_.count(); }

 private:
  Vocabulary vocabulary_;
  int32_t unknown_id_ = -1;
};

}  // namespace relata::text
