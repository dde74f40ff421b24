// Sentence boundaries of English and Chinese text, by rules.
//
// A stop ends a sentence unless it belongs to an abbreviation, an initial, a number or a list's
// number, or the text goes on in lower case; closing quotes and brackets belong to the sentence.
// Chinese stops need no space behind them. An empty line always ends a sentence; a single line
// break does where the script writes no spaces, and else is a space.
#pragma once

#include <string_view>
#include <vector>

#include "relata/text/utf8.h"

namespace relata::text {

// Sorted, disjoint byte ranges without white space at their ends; together they hold every
// character that is no white space. `valid_utf8` may be empty. Cost: O(bytes).
std::vector<ByteRange> split_sentences(std::string_view valid_utf8);

}  // namespace relata::text
