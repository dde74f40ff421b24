#include "grounded/word_marks.h"

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uscript.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "relata/text/utf8.h"

namespace relata::generate {
namespace {

bool is_blank(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)); }
bool is_apostrophe(char32_t c) { return c == U'\'' || c == U'\u2019'; }

// What may stand beside a name unseen: marks of the direction of writing, soft hyphens and the
// like. Joiners are none, for emoji and scripts of India are written with them.
bool is_invisible(char32_t c) {
  return c == U'\u00AD' || c == U'\u061C' || c == U'\u200B' || c == U'\u200E' || c == U'\u200F' ||
         (c >= U'\u202A' && c <= U'\u202E') || (c >= U'\u2060' && c <= U'\u2069') || c == U'\uFEFF';
}

bool has_no_spaces_between_words(char32_t c) {
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(static_cast<UChar32>(c), &status);
  return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA || script == USCRIPT_KATAKANA ||
         c == U'\u30FC';
}

bool extends(char32_t c) {
  return u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_GRAPHEME_EXTEND);
}

// Whether ICU cuts before each code point, the end of the text included.
std::vector<uint8_t> icu_cuts(const std::u32string& points) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<icu::BreakIterator> words(
      icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status));
  if (U_FAILURE(status))
    throw std::runtime_error("ICU has no word boundaries: its data is missing");
  std::vector<uint8_t> at_unit;
  icu::UnicodeString text;
  std::vector<int32_t> unit_of(points.size() + 1);
  for (size_t i = 0; i < points.size(); ++i) {
    unit_of[i] = text.length();
    text.append(static_cast<UChar32>(points[i]));
  }
  unit_of[points.size()] = text.length();
  at_unit.resize(static_cast<size_t>(text.length()) + 1);
  words->setText(text);
  for (int32_t at = words->first(); at != icu::BreakIterator::DONE; at = words->next()) {
    at_unit[static_cast<size_t>(at)] = 1;
  }
  std::vector<uint8_t> cuts(points.size() + 1);
  for (size_t i = 0; i <= points.size(); ++i) cuts[i] = at_unit[static_cast<size_t>(unit_of[i])];
  return cuts;
}

bool cuts_besides(char32_t left, char32_t right) {
  if (extends(right)) return false;
  return is_apostrophe(left) || is_apostrophe(right) || has_no_spaces_between_words(left) ||
         has_no_spaces_between_words(right);
}

// Where words begin or end, the end of the text included.
std::vector<uint8_t> word_cuts(const std::u32string& points) {
  std::vector<uint8_t> cuts = icu_cuts(points);
  cuts.front() = cuts.back() = 1;
  for (size_t i = 1; i < points.size(); ++i) {
    if (cuts_besides(points[i - 1], points[i])) cuts[i] = 1;
  }
  // What cannot be seen belongs to neither side.
  for (size_t begin = 0; begin < points.size(); ++begin) {
    if (!is_invisible(points[begin])) continue;
    size_t end = begin;
    while (end < points.size() && is_invisible(points[end])) ++end;
    cuts[begin] = cuts[end] = cuts[begin] | cuts[end];
    begin = end;
  }
  return cuts;
}

// Abbreviations that names end with and that are not known by being short.
constexpr std::u32string_view kLongAbbreviations[] = {
    U"Acad", U"Assn", U"Assoc", U"Blvd", U"Bros", U"Capt", U"Corp", U"Dept", U"Govt",
    U"Hosp", U"Inst", U"Intl",  U"Maj",  U"Natl", U"Prof", U"Supt", U"Univ"};

// Whether the full stop before `end` is that of a sentence: behind a word or number too long for an
// abbreviation, and before a blank.
bool ends_sentence(const std::u32string& points, size_t end) {
  constexpr size_t kShort = 3;
  if (end < points.size() && !is_blank(points[end])) return false;
  size_t begin = end - 1;
  while (begin > 0 && u_isalnum(static_cast<UChar32>(points[begin - 1]))) --begin;
  const std::u32string_view word = std::u32string_view(points).substr(begin, end - 1 - begin);
  if (word.size() <= kShort || (begin > 0 && points[begin - 1] == U'.')) return false;
  return std::find(std::begin(kLongAbbreviations), std::end(kLongAbbreviations), word) ==
         std::end(kLongAbbreviations);
}

// Whether the code point before `end` is a mark that stands behind a name and is no part of it. One
// that a blank sets apart is left to the model: texts of data sets are written so.
bool is_mark_behind(const std::u32string& points, size_t end) {
  if (end < 2 || is_blank(points[end - 2])) return false;
  switch (points[end - 1]) {
    case U',':
    case U';':
    case U':':
    case U'\u3001':  // ideographic comma
    case U'\u3002':  // and full stop
    case U'\uFF0C':  // full-width comma,
    case U'\uFF1A':  // colon
    case U'\uFF1B':  // and semicolon
      return true;
    case U'.':
      return ends_sentence(points, end);
    default:
      return false;
  }
}

}  // namespace

bool is_line_break(char32_t c) {
  return (c >= U'\n' && c <= U'\r') || c == U'\u0085' || c == U'\u2028' || c == U'\u2029';
}

WordMarks mark_words(std::string_view valid_utf8, bool whole_words) {
  const std::u32string points = text::to_code_points(valid_utf8);
  const std::vector<uint8_t> cuts =
      whole_words ? word_cuts(points) : std::vector<uint8_t>(points.size() + 1, 1);
  const auto is_outside = [&](char32_t c) {
    return is_blank(c) || (whole_words && is_invisible(c));
  };
  WordMarks marks;
  marks.begins.resize(valid_utf8.size() + 1);
  marks.ends.resize(valid_utf8.size() + 1);
  size_t byte = 0;
  bool behind_before = false;  // the point before is a mark behind a word
  for (size_t i = 0; i <= points.size(); ++i) {
    const bool first = i == 0;
    const bool last = i == points.size();
    const bool cut = cuts[i] != 0;
    const bool behind = whole_words && !last && is_mark_behind(points, i + 1);
    marks.begins[byte] = cut && !last && !behind && !is_outside(points[i]) ? 1 : 0;
    marks.ends[byte] = cut && !first && !behind_before && !is_outside(points[i - 1]) ? 1 : 0;
    behind_before = behind;
    if (!last) byte += text::code_point_length(valid_utf8, byte);
  }
  return marks;
}

}  // namespace relata::generate
