#include "relata/retrieve/likeness.h"

#include <algorithm>
#include <tuple>

#include "comparable_text.h"

namespace relata::retrieve {
namespace {

// The share of a text's trigrams that another has from which on the one is within the other.
constexpr double kWithin = 0.95;
// Bytes of its letters from which on that counts: 24 Latin letters, 8 Chinese characters. What is
// shorter ("He left.") is within many texts and brings no answer.
constexpr size_t kLeastWithin = 24;

std::vector<uint32_t> shingles_of(const std::string& letters) {
  std::vector<size_t> starts;  // of code points
  for (size_t i = 0; i < letters.size(); ++i) {
    if ((static_cast<unsigned char>(letters[i]) & 0xC0U) != 0x80U) starts.push_back(i);
  }
  starts.push_back(letters.size());
  std::vector<uint32_t> out;
  constexpr size_t kLength = 3;
  for (size_t i = 0; i + 1 < starts.size(); ++i) {
    const size_t end = starts[std::min(i + kLength, starts.size() - 1)];
    uint32_t hash = 2166136261U;  // FNV-1a
    for (size_t byte = starts[i]; byte < end; ++byte) {
      hash = (hash ^ static_cast<unsigned char>(letters[byte])) * 16777619U;
    }
    out.push_back(hash);
    if (end == letters.size()) break;
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

size_t count_common(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  size_t both = 0;
  for (auto one = a.begin(), other = b.begin(); one != a.end() && other != b.end();) {
    if (*one < *other) {
      ++one;
    } else if (*other < *one) {
      ++other;
    } else {
      ++both;
      ++one;
      ++other;
    }
  }
  return both;
}

// Jaccard's, of sets of these sizes.
double similarity(size_t a, size_t b, size_t both) {
  if (a == 0 && b == 0) return 1.0;
  return static_cast<double>(both) / static_cast<double>(a + b - both);
}

// A long text has nearly every trigram that there is, and so those of many that it does not hold;
// their longer parts it has not.
bool has_parts(std::string_view longer, std::string_view shorter) {
  constexpr size_t kPart = 12;  // bytes
  const size_t parts = shorter.size() / kPart;
  size_t missing = 0;
  for (size_t i = 0; i < parts; ++i) {
    if (longer.find(shorter.substr(i * kPart, kPart)) != std::string_view::npos) continue;
    if (++missing * 4 > parts) return false;
  }
  return true;
}

}  // namespace

std::vector<uint32_t> text_shingles(std::string_view text) { return shingles_of(letters_of(text)); }

double shingle_similarity(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  return similarity(a.size(), b.size(), count_common(a, b));
}

ComparableText::ComparableText(std::string_view text)
    : letters(letters_of(text)), shingles(shingles_of(letters)) {}

bool is_duplicate(const ComparableText& a, const ComparableText& b, double near_duplicate) {
  const double limit = std::min(near_duplicate, 1.0);
  const size_t both = count_common(a.shingles, b.shingles);
  if (similarity(a.shingles.size(), b.shingles.size(), both) >= limit) return true;
  const auto& [shorter, longer] =
      a.letters.size() < b.letters.size() ? std::tie(a, b) : std::tie(b, a);
  if (shorter.letters.size() < kLeastWithin) return false;
  const double least = std::max(limit, kWithin) * static_cast<double>(shorter.shingles.size());
  return static_cast<double>(both) >= least && has_parts(longer.letters, shorter.letters);
}

}  // namespace relata::retrieve
