#include "splitting.h"

namespace relata::text {
namespace {

class Parts {
 public:
  Parts(const Piece& piece, SplitBehavior behavior, PieceBuffers& buffers)
      : piece_(piece), behavior_(behavior), buffers_(buffers), first_(out().size()) {}

  // `range` is in the piece; calls come from left to right and leave no gap.
  void add(ByteRange range, bool match) {
    if (range.begin == range.end) return;
    switch (behavior_) {
      case SplitBehavior::kRemoved:
        if (!match) push(range);
        break;
      case SplitBehavior::kIsolated:
        push(range);
        break;
      case SplitBehavior::kMergedWithPrevious:
        extend_if(match && !last_match_, range);
        break;
      case SplitBehavior::kContiguous:
        extend_if(match == last_match_, range);
        break;
      case SplitBehavior::kMergedWithNext:
        // A match waits for what follows, unless that is a match too.
        if (last_match_ && !match) {
          out().back().end = piece_.begin + range.end;
        } else {
          push(range);
        }
        break;
    }
    last_match_ = match;
  }

 private:
  std::vector<Piece>& out() { return buffers_.spare_pieces; }
  void push(ByteRange range) {
    const size_t begin = piece_.begin + range.begin;
    out().push_back(
        {begin, piece_.begin + range.end, buffers_.text.origin(begin, begin + 1).begin});
  }
  void extend_if(bool condition, ByteRange range) {
    if (condition && out().size() > first_) {
      out().back().end = piece_.begin + range.end;
    } else {
      push(range);
    }
  }

  const Piece& piece_;
  SplitBehavior behavior_;
  PieceBuffers& buffers_;
  size_t first_;
  bool last_match_ = false;
};

}  // namespace

void split_piece(const Piece& piece, std::span<const ByteRange> matches, SplitBehavior behavior,
                 bool invert, PieceBuffers& buffers) {
  Parts parts(piece, behavior, buffers);
  size_t begin = 0;
  for (const ByteRange& match : matches) {
    parts.add({begin, match.begin}, invert);
    parts.add(match, !invert);
    begin = match.end;
  }
  parts.add({begin, piece.end - piece.begin}, invert);
}

}  // namespace relata::text
