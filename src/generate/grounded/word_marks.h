// Where a span may begin and end in a document.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace relata::generate {

// Characters that no span may hold: those that end a line.
bool is_line_break(char32_t c);

// Flags by byte offset, the end of the text included.
struct WordMarks {
  std::vector<uint8_t> begins;  // 1: a span may begin here
  std::vector<uint8_t> ends;    // 1: a span may end here
};

// No span begins or ends with white space. With `whole_words` nor with what cannot be seen (marks
// of direction, zero-width spaces, soft hyphens); both are boundaries as ICU finds them, and
// besides the sides of an apostrophe inside a word ("France's") and of every character of a script
// that writes no spaces between words (Han, kana), and no span begins or ends with a comma, colon,
// semicolon or a sentence's full stop that directly follows a word; else they are code points.
WordMarks mark_words(std::string_view valid_utf8, bool whole_words);

}  // namespace relata::generate
