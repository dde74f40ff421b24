// Whether a text is another one, nearly, or within it, so that an example would bring the answer to
// the question that it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relata::retrieve {

// Hashes of the text's character trigrams, sorted and distinct; case, spaces and signs of any
// script do not count.
std::vector<uint32_t> text_shingles(std::string_view text);
// Jaccard's similarity of two such sets; 1 for two empty ones.
double shingle_similarity(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b);

// A text as others are compared with it: 4 bytes for each of its characters, and its letters.
struct ComparableText {
  ComparableText() = default;
  explicit ComparableText(std::string_view text);
  std::string letters;
  std::vector<uint32_t> shingles;
};

// The similarity from which on two texts are one.
inline constexpr double kNearDuplicate = 0.7;

// From the similarity `near_duplicate` of two texts on (Jaccard's, of their character trigrams) one
// is the other. Above 1: only texts that are equal but for case, spaces and signs. So is one where
// the longer text has 0.95 of the shorter one's trigrams, or this share if it is more, and most of
// its longer parts, unless the shorter one has less than 24 bytes of letters.
bool is_duplicate(const ComparableText& a, const ComparableText& b, double near_duplicate);

}  // namespace relata::retrieve
