// SentencePiece's own algorithms: normalisation, the unigram and byte-pair segmentations, decoding.
//
// Written after the published format and behaviour so that ids and offsets equal the library's; it
// is faster because sentences are cut into words where no piece reaches over, and words are kept.
// A word that normalisation leaves as it is (English mostly) is looked up as it stands in the text.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>

#include "charsmap.h"
#include "hf/models/pair_merger.h"
#include "hf/models/unigram_model.h"
#include "hf/workspace.h"
#include "relata/text/tokenizer.h"
#include "sentencepiece_proto.h"

namespace relata::text {

class SentencePieceModel {
 public:
  static Result<std::unique_ptr<SentencePieceModel>> make(SentencePieceProto proto,
                                                          const std::string& where);

  // Appends tokens. A piece's range is its surface; every byte of a code point that the vocabulary
  // lacks has the whole code point. `prefix`: whether the model's dummy space may go before.
  void encode(std::string_view text, size_t base, bool prefix, Workspace& workspace,
              std::vector<Token>& out) const;
  // Appends the text of the ids, all of which are pieces. `prefix` as above.
  void decode(const std::vector<int32_t>& ids, bool prefix, std::string& out) const;
  // What decode() makes of a piece that is not the first.
  std::string piece_bytes(int32_t id) const;

  int32_t size() const { return static_cast<int32_t>(proto_.pieces.size()); }
  const SentencePieceProto::Piece& piece(int32_t id) const {
    return proto_.pieces[static_cast<size_t>(id)];
  }
  int32_t piece_to_id(std::string_view piece) const;   // -1: none
  int32_t control_id(const std::string& piece) const;  // -1: none of this name
  const SentencePieceProto& proto() const { return proto_; }
  std::string type_name() const;

 private:
  struct Rule {
    std::string_view text;
    size_t length;  // of what it replaces
  };

  Status prepare(const std::string& where);
  void prepare_unigram();
  void prepare_pairs();
  int32_t symbol_of(std::string_view text) const;
  size_t user_symbol_at(std::string_view text) const;  // its length; 0: none

  void prepare_words(const std::vector<std::pair<std::string_view, int32_t>>& user_symbols);

  Rule next_rule(std::string_view text, size_t at) const;
  void append_normal(std::string_view text, uint32_t origin, Workspace& workspace) const;
  bool is_plain(std::string_view text, size_t at) const;
  bool word_starts(std::string_view text, size_t at, std::string_view normalized) const;
  size_t normalize(std::string_view text, size_t at, bool prefix, Workspace& workspace) const;
  void encode_words(std::string_view text, size_t base, bool prefix, Workspace& workspace,
                    std::vector<Token>& out) const;
  void encode_rounded(std::string_view text, size_t base, bool prefix, Workspace& workspace,
                      std::vector<Token>& out) const;
  size_t encode_word(std::string_view text, size_t at, size_t base, Workspace& workspace,
                     std::vector<Token>& out) const;
  void segment(std::string_view text, ModelScratch& scratch, PieceTokens& out) const;
  void segment_pairs(std::string_view text, ModelScratch& scratch, PieceTokens& out) const;
  void emit(std::string_view normalized, size_t base, const Workspace& workspace,
            std::vector<Token>& out) const;
  std::string decode_piece(int32_t id, bool at_start, bool prefix, bool& took_space) const;

  SentencePieceProto proto_;
  std::unordered_map<std::string_view, int32_t> ids_;  // into proto_
  Charsmap charsmap_;
  DoubleArray user_symbols_;
  bool has_user_symbols_ = false;
  UnigramLattice lattice_;
  PairMerger merger_;
  std::unordered_map<std::string_view, int32_t> extra_symbols_;  // code points that are no piece
  std::array<int32_t, 256> byte_ids_{};
  int32_t unknown_id_ = -1;
  bool may_cut_ = false;
  bool by_words_ = false;                // whether encode_word() may be tried
  std::array<bool, 256> plain_bytes_{};  // stand for themselves before any ASCII byte; no space
  int32_t first_frozen_ = 0;             // of the byte-pair search: see symbol_of()
};

}  // namespace relata::text
