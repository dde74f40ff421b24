// The parts of a serialized SentencePiece ModelProto that encoding and decoding need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "relata/base/result.h"

namespace relata::text {

// Numbers and defaults as in sentencepiece_model.proto.
struct SentencePieceProto {
  enum Kind { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  enum Type { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };
  struct Piece {
    std::string text;
    float score = 0;
    int kind = kNormal;
  };
  std::vector<Piece> pieces;
  int type = kUnigram;
  bool byte_fallback = false;
  bool space_as_suffix = false;  // treat_whitespace_as_suffix
  std::string bos = "<s>";
  std::string eos = "</s>";
  std::string unknown_surface = " \u2047 ";
  std::string charsmap;  // precompiled_charsmap
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool has_denormalizer = false;
};

// Errors name `where`: not a model, cut off, a piece that is empty or there twice, no unknown
// piece.
Result<SentencePieceProto> parse_sentencepiece(std::string_view model, const std::string& where);

}  // namespace relata::text
