// The unigram language model of SentencePiece: the segmentation with the largest sum of scores.
#pragma once

#include <array>
#include <memory>

#include "json_reader.h"
#include "piece_model.h"
#include "sentencepiece/double_array.h"
#include "vocabulary.h"

namespace relata::text {

// Kudo 2018 (arXiv:1804.10959), the search for the best path only.
class UnigramLattice {
 public:
  struct Piece {
    std::string_view text;  // need not outlive the constructor
    int32_t id;
    double score;
  };
  UnigramLattice() = default;
  // The last of two equal texts wins. Unknown code points score `unknown_score`.
  UnigramLattice(const std::vector<Piece>& pieces, double unknown_score);

  // Appends the best path; unknown code points have the id kUnknown. Of paths with equal sums, the
  // one whose last piece is the longest wins. Sums are doubles, which is exact for scores of
  // floats. scratch.lead becomes the least difference, over the ends of the path's pieces, between
  // the best way there and the next, by the count of code points.
  void best_path(std::string_view text, ModelScratch& scratch, PieceTokens& out) const;
  // With sums of floats, as SentencePiece has them: of paths whose sums are nearly equal, rounding
  // chooses, and so what stands before them in the text.
  void best_rounded_path(std::string_view text, ModelScratch& scratch, PieceTokens& out) const;
  // Whether rounding could not change paths of this lead in a text of so many pieces.
  bool survives_rounding(float lead, size_t pieces) const;
  static constexpr int32_t kUnknown = -1;

 private:
  template <class Sum>
  void search(std::string_view text, ModelScratch& scratch, PieceTokens& out) const;

  DoubleArray trie_;  // values index scored_
  struct Scored {
    int32_t id;
    double score;
  };
  std::vector<Scored> scored_;
  double unknown_score_ = 0;
  double largest_score_ = 0;  // without its sign
};

// As Hugging Face's tokenizers run it: runs of unknown code points become one token, or bytes.
class UnigramModel : public PieceModel {
 public:
  static Result<std::unique_ptr<PieceModel>> from_json(const Node& node, const std::string& where);

  std::string name() const override { return "unigram"; }
  void encode(std::string_view piece, ModelScratch& scratch, PieceTokens& out) const override;
  int32_t token_to_id(std::string_view token) const override;
  std::string_view id_to_token(int32_t id) const override;
  int32_t id_limit() const override { return static_cast<int32_t>(tokens_.size()); }
  int32_t count() const override { return id_limit(); }

 private:
  Status read_vocab(const Node& vocab, const std::string& where);
  void add_unknown(std::string_view piece, PieceToken run, PieceTokens& out) const;

  std::vector<std::string> tokens_;
  std::vector<double> scores_;
  std::unordered_map<std::string_view, int32_t> ids_;  // into tokens_
  UnigramLattice lattice_;
  std::array<int32_t, 256> fallback_ids_{};
  int32_t unknown_id_ = -1;
  bool byte_fallback_ = false;
};

}  // namespace relata::text
