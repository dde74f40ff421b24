#include "relata/data/keywords.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <set>

namespace relata::data {
namespace {

bool is_letter(char32_t c) { return u_isalpha(static_cast<UChar32>(c)) != 0; }
bool is_word(char32_t c) { return c == U'_' || u_isalnum(static_cast<UChar32>(c)) != 0; }

// After a name such a letter does not tell that the word goes on: the next word, or a particle,
// begins without a space.
bool may_begin_a_word(char32_t c) {
  switch (u_getIntPropertyValue(static_cast<UChar32>(c), UCHAR_LINE_BREAK)) {
    case U_LB_IDEOGRAPHIC:
    case U_LB_NONSTARTER:
    case U_LB_CONDITIONAL_JAPANESE_STARTER:
    case U_LB_COMPLEX_CONTEXT:
    case U_LB_H2:
    case U_LB_H3:
      return true;
    default:
      return false;
  }
}

// Code points with the byte offset of each, and of the end.
struct Characters {
  explicit Characters(const std::string& text) : points(text::to_code_points(text)) {
    for (size_t i = 0; i <= text.size(); ++i) {
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
        offsets.push_back(i);
      }
    }
  }
  size_t index_of(size_t byte) const {
    return static_cast<size_t>(std::lower_bound(offsets.begin(), offsets.end(), byte) -
                               offsets.begin());
  }
  bool word_at(size_t index) const { return index < points.size() && is_word(points[index]); }
  bool boundary_at(size_t index) const {
    return (index > 0 && word_at(index - 1)) != word_at(index);
  }

  std::u32string points;
  std::vector<size_t> offsets;
};

bool stated_place_holds(const std::string& text, const Characters& characters,
                        const Keyword& keyword) {
  const ByteRange place = *keyword.place;
  if (place.begin >= place.end || place.end > text.size()) return false;
  if (text.compare(place.begin, place.end - place.begin, keyword.name) != 0) return false;
  const size_t after = characters.index_of(place.end);
  if (after >= characters.points.size()) return true;
  return !is_letter(characters.points[after]) || may_begin_a_word(characters.points[after]);
}

std::optional<ByteRange> find_keyword(const std::string& text, const Characters& characters,
                                      const Keyword& keyword) {
  if (keyword.name.empty()) return std::nullopt;
  if (keyword.place && stated_place_holds(text, characters, keyword)) return keyword.place;
  for (size_t at = text.find(keyword.name); at != std::string::npos;
       at = text.find(keyword.name, at + 1)) {
    const size_t end = at + keyword.name.size();
    if (characters.boundary_at(characters.index_of(at)) &&
        characters.boundary_at(characters.index_of(end))) {
      return ByteRange{at, end};
    }
  }
  return std::nullopt;
}

}  // namespace

std::string tagged_text(const std::string& text, const std::vector<Keyword>& keywords) {
  const Characters characters(text);
  std::set<std::pair<size_t, size_t>> found;
  for (const Keyword& keyword : keywords) {
    const auto place = find_keyword(text, characters, keyword);
    if (place) found.insert({place->begin, place->end});
  }
  std::vector<std::pair<size_t, size_t>> merged;
  for (const auto& [begin, end] : found) {
    if (!merged.empty() && begin < merged.back().second) {
      merged.back().second = std::max(merged.back().second, end);
    } else {
      merged.emplace_back(begin, end);
    }
  }
  std::string out;
  size_t done = 0;
  for (const auto& [begin, end] : merged) {
    out.append(text, done, begin - done).append(kKeywordBegin).append(" ");
    out.append(text, begin, end - begin).append(" ").append(kKeywordEnd);
    done = end;
  }
  return out.append(text, done);
}

}  // namespace relata::data
