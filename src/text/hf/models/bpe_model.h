// Byte-pair encoding as Hugging Face's tokenizers and tiktoken define it.
#pragma once

#include <array>
#include <memory>

#include "json_reader.h"
#include "pair_merger.h"
#include "vocabulary.h"

namespace relata::text {

class BpeModel : public PieceModel {
 public:
  // The "model" of a tokenizer.json. With `raw_bytes`, pieces come as plain bytes and the tokens
  // are written in GPT-2's visible stand-ins (byte_level.h); else pieces come as tokens are
  // written.
  static Result<std::unique_ptr<BpeModel>> from_json(const Node& node, bool raw_bytes,
                                                     const std::string& where);
  // tiktoken's rule: of two neighbours that are a token together, the token of the lowest rank
  // wins. ranks[i] is the bytes of token i; all of them differ and every single byte is among them.
  static std::unique_ptr<BpeModel> from_ranks(const std::vector<std::string>& ranks);

  std::string name() const override { return "bpe"; }
  void encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const override;
  int32_t token_to_id(std::string_view token) const override { return vocabulary_.id(token); }
  std::string_view id_to_token(int32_t id) const override { return vocabulary_.token(id); }
  int32_t id_limit() const override { return vocabulary_.id_limit(); }
  int32_t count() const override { return vocabulary_.count(); }
  bool may_cut_at_spaces() const override { return may_cut_; }

 private:
  Status read_options(const Node& node, const std::string& where);
  Status read_merges(const Node& merges, const std::string& where);
  Status add_merge(std::string_view left, std::string_view right, const std::string& where);
  void resolve(bool raw_bytes);

  bool take_whole(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const;
  void split_bytes(std::string_view piece, ModelScratch& scratch) const;
  void split_points(std::string_view piece, ModelScratch& scratch) const;
  bool add_fallback(std::string_view point, ModelScratch& scratch) const;

  Vocabulary vocabulary_;
  PairMerger merger_;
  int32_t rules_ = 0;
  std::array<int32_t, 256> fallback_ids_{};  // of "<0x00>" and so on
  std::array<int32_t, 256> byte_ids_{};      // of single bytes: ASCII, or all with raw_bytes_
  int32_t unknown_id_ = -1;
  bool raw_bytes_ = false;
  bool byte_fallback_ = false;
  bool fuse_unknown_ = false;
  bool ignore_merges_ = false;
  bool may_cut_ = false;
};

}  // namespace relata::text
