// The words of a text and what a piece of them looks like, for the model of names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relata/text/utf8.h"

namespace relata::extract {

// Words [first, last] of a text.
struct WordSpan {
  size_t first = 0;
  size_t last = 0;
  auto operator<=>(const WordSpan&) const = default;
};

// A word is a run of letters, digits and their marks; each Chinese or Japanese character and each
// other character that is no white space is one too, with its marks. How a text is spaced does not
// matter ("Rome," and "Rome ,"). Borrows the text.
class NameWords {
 public:
  explicit NameWords(std::string_view text);

  size_t size() const { return words_.size(); }
  // The words that a range of bytes is made of; none where it begins or ends inside a word.
  std::optional<WordSpan> span_of(const text::ByteRange& range) const;

  // Hashed features of a piece and its neighbours, distinct, each below `kBuckets`.
  static constexpr uint32_t kBuckets = 1U << 15;
  std::vector<uint32_t> features(const WordSpan& span) const;

 private:
  struct Word {
    text::ByteRange place;
    std::string shape;
    size_t line = 0;
  };
  std::string_view word(size_t index) const;
  // The word that stands so many words on in the same line, which is a paragraph; null past its
  // ends: what stands in a title is no neighbour.
  const Word* neighbour(size_t index, std::ptrdiff_t step) const;
  std::string_view beside(size_t index, std::ptrdiff_t step) const;  // "" where there is none
  std::string_view shape_beside(size_t index, std::ptrdiff_t step) const;

  std::string_view text_;
  std::vector<Word> words_;
};

}  // namespace relata::extract
