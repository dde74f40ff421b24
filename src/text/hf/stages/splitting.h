// How a pre-tokenizer cuts pieces at matches.
#pragma once

#include <span>

#include "hf/workspace.h"

namespace relata::text {

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// Cuts `piece`, of which `matches` are ranges, and appends the parts to buffers.spare_pieces.
// `invert`: what lies between the matches is the match.
void split_piece(const Piece& piece, std::span<const ByteRange> matches, SplitBehavior behavior,
                 bool invert, PieceBuffers& buffers);

// Calls find(text of the piece, matches) for every piece and cuts it.
template <class Find>
void split_pieces(PieceBuffers& buffers, SplitBehavior behavior, bool invert, Find find) {
  buffers.spare_pieces.clear();
  const std::string_view text = buffers.text.text();
  for (const Piece& piece : buffers.pieces) {
    buffers.matches.clear();
    find(text.substr(piece.begin, piece.end - piece.begin), buffers.matches);
    split_piece(piece, buffers.matches, behavior, invert, buffers);
  }
  buffers.pieces.swap(buffers.spare_pieces);
}

}  // namespace relata::text
