// A normaliser's rewriting of a text, told code point by code point as Hugging Face's do.
#pragma once

#include "unicode/aligned_text.h"
#include "unicode/unicode_sets.h"

namespace relata::text {

// A code point and how it changes the count of code points: 0 takes the place of the next one of
// the old text, n > 0 is inserted after what came before, -n takes the next and removes n more.
struct Change {
  char32_t value;
  int change;
};

class Transform {
 public:
  // Writes `out`, which is cleared; the first `skipped` bytes of `in` are dropped.
  Transform(const AlignedText& in, AlignedText& out, size_t skipped = 0)
      : in_(in), out_(out), next_(skipped) {
    out_.clear();
  }

  void put(Change change);

 private:
  void skip() {
    if (next_ < in_.size()) next_ += code_point_at(in_.text(), next_).length;
  }

  const AlignedText& in_;
  AlignedText& out_;
  size_t next_;  // byte of `in_` whose turn it is
  std::string encoded_;
};

}  // namespace relata::text
