// Natural spacing for text that was published as tokens with a blank between any two ("in Rome ,
// Italy"): people write and read "in Rome, Italy", and a model that learned from the one form alone
// finds less in the other.
#pragma once

#include <string>
#include <string_view>

#include "relata/data/document.h"

namespace relata::data {

// Leaves out blanks before closing marks ("," ")" "'s" "n't"), after opening ones, within straight
// quotes taken by twos up to a line's end, around a hyphen or slash between words, and around a
// dash between numbers. Other text stays as it is. For scripts that put blanks between words.
std::string natural_spacing(std::string_view text);

// The document with natural spacing in its text; offsets and names follow, also those of spans in
// several pieces ("fragments") and of "pages" in `meta`, whose rest stays.
Document natural_spacing(Document document);

}  // namespace relata::data
